"""What supervisord says on the terminal of `up`."""

import os
import subprocess
import sys
from pathlib import Path

from cli.folders import make_up_folder
from cli.up.processes import CONFIG, MARK
from cli.up.supervision import _config
from tests.waiting import wait_until


def test_a_part_that_dies_is_said_with_its_own_reason_and_an_expected_end_is_not(tmp_path: Path) -> None:
    folder, died, terminal = make_up_folder(tmp_path), tmp_path / "died", tmp_path / "terminal"
    script = tmp_path / "part.sh"
    script.write_text(f"[ -e {died} ] && exec sleep 600; touch {died}; echo 'watcher: no such place'; exit 1\n")
    config = _config((("deployer", 5), ("watcher", 5))).replace("startsecs=5", "startsecs=0")
    for part, command in (("deployer", "/bin/true"), ("watcher", f"/bin/sh {script}")):
        config = config.replace(f'command="{sys.executable}" -m cli.up.parts {part}', f"command={command}")
    (folder / CONFIG).write_text(config)
    (spoken := folder / "supervisord.log").touch()
    with terminal.open("wb") as output:
        daemon = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.up.daemon"], cwd=folder, env=os.environ | {MARK: str(tmp_path)},
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        assert wait_until(lambda: spoken.read_text().count("spawned: 'watcher'") == 2, 60)
    finally:
        daemon.terminate()
        code = daemon.wait(60)
    log = folder / "watcher.log"
    assert (code, terminal.read_text()) == (
        0, f"watcher has ended (no such place), and is started again (see {log})\nEnding everything ...\n",
    )  # fmt: skip
