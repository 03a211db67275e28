"""The parts of `scorekeeper up`, each a process: python -m cli.up.parts NAME."""

import os
import signal
import sys
from types import FrameType

from cli.up.processes import MARK, Stage, end_with_parent, hear_signals, take_stage
from cli.up.small_parts import SMALL_PARTS, EndError, read_told
from scorekeeper.errors import ScorekeeperError


def main(part: str) -> None:
    """Run a part until a signal ends it."""
    end_with_parent()
    stage = take_stage()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if stage.name == "end" else _on_signal)
    try:
        if part != "postgres":  # it holds a lease by then, and hears signals once it can give that back
            hear_signals()
        if (run := SMALL_PARTS.get((part, stage.name))) is not None:
            told = read_told()
            if told.log_format == "json":
                from cli.logs import begin_logs

                begin_logs(told, part)
            run(told, stage)
        else:
            _run_large(part, stage)
    except EndError:
        return
    except ScorekeeperError as exc:
        sys.exit(f"{part}: {exc}")


def _run_large(part: str, stage: Stage) -> None:
    from cli.logs import begin_logs
    from cli.up.large_parts import LARGE_PARTS, STAGED_PARTS
    from scorekeeper.settings import load_settings

    settings = load_settings()
    begin_logs(settings, part)
    if stage.name:
        STAGED_PARTS[part, stage.name](settings, stage)
    else:
        LARGE_PARTS[part](settings)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise EndError


if __name__ == "__main__":
    if MARK not in os.environ:
        sys.exit("a part of `scorekeeper up`; it is not started by hand")
    main(sys.argv[1])
