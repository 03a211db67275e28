"""`scorekeeper feedback`: what an agent may read about itself."""

from typing import Annotated

import typer

from cli.commands.metrics import check_version, read_symbol
from cli.installation import open_installation
from cli.options import AsJson, installation_options, parse_moment


@installation_options()
def feedback(
    agent: Annotated[str | None, typer.Option(help="One agent only; default: each of the last version.")] = None,
    symbol: Annotated[str | None, typer.Option(help="One symbol only, such as BTC/USDT.")] = None,
    version: Annotated[str | None, typer.Option(help="One SYSTEM_VERSION only; default: the last one.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="T", help="What was known then, UTC; default: now.")] = None,
    json: AsJson = False,
) -> None:
    """Tell an agent how its calls turned out: a text of at most 200 words, for its prompt.

    Counts first, rates with their 95 % intervals, and what cannot be told. It holds no word of another agent.

    Example:  scorekeeper feedback --agent TechnicalAnalystAgent --symbol BTC/USDT
    """
    moment, spelled = parse_moment(as_of, "--as-of"), read_symbol(symbol)
    with open_installation() as (db, _):
        from scorekeeper.learning import read_feedback as library
        from scorekeeper.market.symbol_list import find_symbol
        from scorekeeper.safe_text import escape_controls

        check_version(db, version)
        with db.begin() as connection:
            known = library.list_agents(connection, version=version, as_of=moment)
            if agent is not None and agent not in library.list_every_agent(connection):
                names = ", ".join(escape_controls(one) for one in known) or "none yet"
                raise typer.BadParameter(f"no agent of that name was scored; agents: {names}", param_hint="--agent")
            found = [
                library.read_feedback(
                    connection, one, symbol=spelled and find_symbol(connection, spelled), version=version, as_of=moment
                )
                for one in ([agent] if agent is not None else known)
            ]
    if json:
        from json import dumps

        documents = [library.as_document(one) for one in found]
        typer.echo(dumps(documents if agent is None else documents[0], indent=2, allow_nan=False))
        return
    if not found:
        typer.echo("no agent has been scored yet: feedback needs decisions whose outcome is known (see track)")
    for one in found:
        if agent is None:
            typer.echo(f"{escape_controls(one.agent)}:")
        typer.echo(one.text + ("\n" if agent is None else ""))
