"""Where the `scorekeeper` command begins. Signals are handled from here on, before anything else is imported."""

from cli import stopping

stopping.guard()


def main() -> None:
    """See cli.main.main."""
    from cli.main import main as run

    try:
        run()
    finally:
        stopping.ignore_signals()
