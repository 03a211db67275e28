"""How decisions were read: words not understood, notes on what was left out, the rules in force then."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0002_words.up.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Undo it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_name("0002_words.down.sql").read_text(encoding="utf-8"))
