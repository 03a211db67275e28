"""The parts of `scorekeeper up`, each a process: python -m cli.up.parts NAME."""

import os
import signal
import sys
from types import FrameType

from cli.logs import begin_logs
from cli.up.processes import MARK, end_with_parent
from cli.up.small_parts import SMALL_PARTS, EndError, read_told
from scorekeeper.errors import ScorekeeperError


def main(part: str) -> None:
    """Run a part until a signal ends it."""
    end_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    try:
        if part in SMALL_PARTS:
            told = read_told()
            if part != "reporter":  # it speaks supervisord's own language
                begin_logs(told, part)
            SMALL_PARTS[part](told)
        else:
            _run_large(part)
    except EndError:
        return
    except ScorekeeperError as exc:
        sys.exit(f"{part}: {exc}")


def _run_large(part: str) -> None:
    from cli.up.large_parts import LARGE_PARTS
    from scorekeeper.settings import load_settings

    settings = load_settings()
    begin_logs(settings, part)
    LARGE_PARTS[part](settings)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise EndError


if __name__ == "__main__":
    if MARK not in os.environ:
        sys.exit("a part of `scorekeeper up`; it is not started by hand")
    main(sys.argv[1])
