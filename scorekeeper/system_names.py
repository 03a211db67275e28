"""What a trading system may be called: its name becomes part of the names of its schema and roles."""

import re

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Addresses of the dashboard of several systems itself: a system's pages lie where its name stands.
TAKEN = ("events", "healthz", "login", "metrics", "static")
# In the environment: the settings that an option of this command has set. They win over a system's own `.env`.
BY_OPTION = "SCOREKEEPER_OPTIONS"
NO_NAME = (
    "is no name of a system; write 1 to 40 of a-z, 0-9 and _, a letter first, but not "
    f"{', '.join(TAKEN[:-1])} or {TAKEN[-1]}, which are addresses of the dashboard"
)


def is_system_name(name: str) -> bool:
    """Whether a system can be called so.

    >>> [name for name in ("alpha_2", "Alpha", "2a", "metrics", "") if is_system_name(name)]
    ['alpha_2']
    """
    return _NAME.fullmatch(name) is not None and name not in TAKEN
