"""Where the `scorekeeper` command begins: with its ears open, before anything else is imported."""

from cli import stopping

stopping.guard()


def main() -> None:
    """See cli.main.main."""
    from cli.main import main as run

    try:
        run()
    finally:
        stopping.hear_no_more()
