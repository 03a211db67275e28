"""Candles of any length: what a market's candles are, and when each one ends."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0010_bars.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0010_bars.down.sql").read_text(encoding="utf-8"))
