"""What happened, counted: how often each thing that is watched from outside has happened."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0015_activity.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0015_activity.down.sql").read_text(encoding="utf-8"))
