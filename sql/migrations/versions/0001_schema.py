"""The whole schema as it stood at the first release."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0001_schema.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Drop everything."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0001_schema.down.sql").read_text(encoding="utf-8"))
