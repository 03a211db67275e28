"""What the dashboard reads: views of decisions, signals, candles, analyses and of where things stand; its indexes."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0008_dashboard.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0008_dashboard.down.sql").read_text(encoding="utf-8"))
