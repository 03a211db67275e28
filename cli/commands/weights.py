"""`scorekeeper weights`: what each agent's calls are worth, and whether that is in use."""

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import AsJson, installation_options, parse_moment


@installation_options()
def weights(
    as_of: Annotated[str | None, typer.Option(metavar="T", help="What was known then, UTC; default: now.")] = None,
    json: AsJson = False,
    version: Annotated[
        str | None, typer.Option(help="One SYSTEM_VERSION; default: that of the newest decision.")
    ] = None,
) -> None:
    """Say what weight each agent has learned, and why it is in use or not.

    `scorekeeper learn` learns. --json prints what DATASETS_DIR/agent_weights.json holds.

    Example:  scorekeeper weights --as-of 2025-05-01
    """
    moment = parse_moment(as_of, "--as-of")
    with open_installation() as (db, settings), db.begin() as connection:
        from scorekeeper.errors import ScorekeeperError
        from scorekeeper.learning.learned import read_learned, read_versions
        from scorekeeper.safe_text import escape_controls

        learned = read_learned(connection, fee_bps=settings.fee_bps, version=version, at=moment)
        if learned is None:
            if version is not None:
                known = ", ".join(map(escape_controls, read_versions(connection))) or "none yet"
                raise typer.BadParameter(f"nothing was learned of it; versions: {known}", param_hint="--version")
            if moment is not None and read_versions(connection):
                raise ScorekeeperError("nothing was learned by then")
            raise ScorekeeperError(
                "nothing was learned yet: scorekeeper learn takes decisions that came in before their horizon ended"
            )
    if json:
        from scorekeeper.learning.words import render_weights

        typer.echo(render_weights(learned), nl=False)
        return
    from datetime import UTC, datetime

    from cli.output.learned import print_learned
    from scorekeeper.learning.document import VALID_FOR
    from scorekeeper.learning.vote import is_stale

    print_learned(learned)
    if moment is None and is_stale(learned, datetime.now(UTC)):
        until = learned.as_of + VALID_FOR
        typer.echo(f"This was valid until {until:%Y-%m-%d %H:%M} UTC. Equal weights are in use until the next learn.")
