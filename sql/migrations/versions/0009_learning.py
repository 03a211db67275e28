"""What the loop learns: votes, weights, evidence, recalibration maps and meta-models, and their views."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make it."""
    op.execute(text(Path(__file__).with_name("0009_learning.up.sql").read_text(encoding="utf-8")))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0009_learning.down.sql").read_text(encoding="utf-8"))
