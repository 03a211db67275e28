"""Decisions that ask for a close, and the trades that end by one."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make table and columns; decisions that asked for a close before this version ask for it from now on."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0003_exits.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it; what a decision closed counts as closed by hand."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0003_exits.down.sql").read_text(encoding="utf-8"))
