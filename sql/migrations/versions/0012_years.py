"""Years of data: ids that give way to each other, and decisions that are deleted by their age."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0012_years.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0012_years.down.sql").read_text(encoding="utf-8"))
