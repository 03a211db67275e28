"""One completed line a trade; what has been settled, and what only waits; which arrival a report belongs to."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0006_lines.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0006_lines.down.sql").read_text(encoding="utf-8"))
