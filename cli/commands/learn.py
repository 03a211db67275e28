"""`scorekeeper learn`: learn from what became known, and publish it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options, parse_moment

if TYPE_CHECKING:
    from scorekeeper.settings import Settings
    from scorekeeper.store.database import Database


@installation_options(each=True)
def learn(
    as_of: Annotated[str | None, typer.Option(help="Up to the whole hour before it, UTC; default: now.")] = None,
) -> None:
    """Learn which agents to trust how far, and say what was learned.

    Weights with their evidence, from decisions whose horizon has ended; an hour counts once it has been tracked. Writes
    DATASETS_DIR/agent_weights.json. Repeating it changes nothing.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).
    """
    moment = parse_moment(as_of)
    with open_installation(for_flow=True) as (db, settings):
        from flows.learn import learn as flow

        print_learning(db, settings, run_flow(flow(moment)))


def print_learning(db: "Database", settings: "Settings", done: dict[str, Any]) -> None:
    """Say what a run of the flow did, and what is learned."""
    from cli.output.learned import print_learned
    from scorekeeper.learning.learned import read_learned
    from scorekeeper.publish.weights_file import weights_path

    if done["until"] is None:
        typer.echo("Nothing is tracked yet, so nothing was learned: scorekeeper track")
        return
    typer.echo(f"Learned up to {datetime.fromisoformat(done['until']):%Y-%m-%d %H:%M} UTC")
    if done["made_again"]:
        from scorekeeper.safe_text import escape_controls

        names = ", ".join(map(escape_controls, done["made_again"]))
        typer.echo(f"learned again in part, since something before had changed: {names}")
    with db.begin() as connection:
        learned = read_learned(connection, fee_bps=settings.fee_bps)
    if learned is None:
        typer.echo("Nothing was learned: no decision counts. Those that arrive after their own horizon do not.")
        return
    print_learned(learned)
    typer.echo(f"file:    {weights_path(settings)}")
