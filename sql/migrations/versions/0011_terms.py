"""A market's terms: calendar, costs, and the size of a position."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0011_terms.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0011_terms.down.sql").read_text(encoding="utf-8"))
