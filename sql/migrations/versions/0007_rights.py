"""Candle partitions are made and dropped by functions of the owner, and nobody has rights on one of them."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0007_rights.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0007_rights.down.sql").read_text(encoding="utf-8"))
