"""The settings, from the environment and `.env`. No other package reads them.

A new setting is one field of `Settings` in fields.py, a row in README's table, and a line in `.env.example`.
`scorekeeper up` passes every field on to its parts by itself (`as_environment`).

The first `.env` found is read: that of the home, if the environment has SCOREKEEPER_HOME, else that of the working
directory. The environment wins over the file. A relative path in a `.env` is relative to its folder, one in the
environment to the working directory. systems.py adds the settings of each system of SYSTEMS_DIR.
"""

from scorekeeper.settings.fields import Settings as Settings
from scorekeeper.settings.load import load_settings as load_settings
from scorekeeper.settings.load import settings_of_all as settings_of_all
from scorekeeper.settings.systems import check_one as check_one
from scorekeeper.settings.systems import list_misnamed as list_misnamed
from scorekeeper.settings.systems import list_systems as list_systems
