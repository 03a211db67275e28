"""Files of lines that are followed while their writers have them open, and archived ones that grow after the move."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0005_following.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0005_following.down.sql").read_text(encoding="utf-8"))
