"""The lowest days of a version, in order: what the tail of the daily series is made of."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0017_lowest_days.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0017_lowest_days.down.sql").read_text(encoding="utf-8"))
