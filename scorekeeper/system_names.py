"""What a trading system may be called: its name becomes part of the names of its schema and roles."""

import re

# The dashboard over all systems has pages of its own by four names.
SYSTEM_NAME = re.compile(r"(?!(?:login|healthz|static|metrics)\Z)[a-z][a-z0-9_]{0,39}")
# In the environment: the settings that an option of this command has set. They win over a system's own `.env`.
BY_OPTION = "SCOREKEEPER_OPTIONS"
NO_NAME = (
    "is no name of a system; write 1 to 40 of a-z, 0-9 and _, a letter first, and not login, healthz, static or metrics"
)
