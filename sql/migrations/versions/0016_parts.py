"""The sums of the parts of a breakdown, in stretches of days that are over."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0016_parts.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0016_parts.down.sql").read_text(encoding="utf-8"))
