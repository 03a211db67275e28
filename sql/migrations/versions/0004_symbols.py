"""Spellings that the market's list has read, decisions that wait for it, and why a symbol has no prices."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0004_symbols.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0004_symbols.down.sql").read_text(encoding="utf-8"))
