"""The home of a demo: settings of its own, so that it touches no other installation."""

import os
from datetime import UTC, datetime
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.sample import write_live_market
from scorekeeper.private_files import check_owner
from scorekeeper.settings import Settings, load_settings

_MARK = "# The demo's own settings; every command takes them with --home of this folder.\n"
_ENV = f"""{_MARK}\
SCOREKEEPER_HOME=.
INBOX_DIR=inbox
LOG_DIR=logs
DATASETS_DIR=datasets
MARKET=replay:market
FEE_BPS=10
SYSTEM_VERSION=demo
"""


def make_demo_home(home: Path, *, live: bool) -> Settings:
    """Make a demo's home, and let this process use no other settings; `live`: with a market that goes on from now.

    Raises ScorekeeperError if `home` holds something else.
    """
    check_owner(home)
    env = home / ".env"
    if (
        home.exists()
        and any(home.iterdir())
        and not (env.is_file() and env.read_text(encoding="utf-8").startswith(_MARK))
    ):
        raise ScorekeeperError(f"{home} is not empty, and is not the home of a demo: name another folder with --home")
    for name in Settings.model_fields.keys() - {"flow_runs"}:
        os.environ.pop(name.upper(), None)  # the user's own settings do not apply here
    os.environ["SCOREKEEPER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    env.write_text(_ENV, encoding="utf-8")
    if live:
        write_live_market(home / "market", datetime.now(UTC))
    return load_settings()
