"""TODO-0003_exits"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0003_exits.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0003_exits.down.sql").read_text(encoding="utf-8"))
