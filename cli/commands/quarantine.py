"""`scorekeeper quarantine`: what was rejected, why and where, and how to retry it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import open_installation, run_flow
from cli.options import AsJson, installation_options
from scorekeeper.errors import ScorekeeperError
from scorekeeper.phrases import and_more
from scorekeeper.safe_text import escape_controls

if TYPE_CHECKING:
    from scorekeeper.inbox.quarantine import Quarantined

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
_options = installation_options("home", "inbox", "database_url", "system")


@app.callback()
def quarantine() -> None:
    """See what was refused, and try it again.

    A file with refusals is in quarantine/, beside the inbox; its other decisions have come in. Correct what was wrong
    (the file in quarantine/ itself, or the setting, or the decision that conflicts with it), then: retry.
    """


@app.command("list")
@_options
def list_files(json: AsJson = False) -> None:
    """List the files, the latest first, with the number of refusals and the first reason."""
    from scorekeeper.inbox import quarantine as library

    with open_installation() as (db, settings), db.begin() as connection:
        found = library.list_quarantined(connection, settings)
    if json:
        _print_json([_as_dict(one) for one in found])
        return
    for one in found:
        gone = "" if one.files else f"  ({one.whereabouts})"
        typer.echo(f"{one.id}  {_safe(one.name)}: {one.rejected} rejected, {one.rejected_at:%F %R} UTC{gone}")
        typer.echo(f"    {_where(one.line, one.field)}: {_safe(one.reason)}")
    typer.echo(f"{len(found)} in quarantine" + (": show ID tells more, retry ID tries again" if found else ""))


@app.command()
@_options
def show(
    id: Annotated[str, typer.Argument(help="As list shows it; four digits are enough if no other file has them.")],
    json: AsJson = False,
) -> None:
    """List every refusal of a file: line, field, reason, and how the text begins."""
    from scorekeeper.inbox import quarantine as library

    with open_installation() as (db, settings), db.begin() as connection:
        one = library.find(connection, settings, id)
        refusals = library.read_refusals(connection, one)
    if json:
        _print_json(_as_dict(one) | {"refusals": refusals})
        return
    typer.echo(f"{_safe(one.name)}, {one.rejected} rejected, {one.rejected_at:%F %R} UTC, sha256 {one.sha256.hex()}")
    for path in one.files.values():
        typer.echo(f"  in {_safe(str(path))}")
    for refusal in refusals:
        typer.echo(f"  {_where(refusal['line'], refusal['field'])}: {_safe(refusal['reason'])}")
        if refusal["excerpt"]:
            typer.echo(f"      {_safe(refusal['excerpt'])}")
    if one.rejected > len(refusals):
        typer.echo(f"  …{and_more(one.rejected, len(refusals))}")


@app.command()
@_options
def retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As list shows them.")] = None,
    all_files: Annotated[bool, typer.Option("--all", help="Everything that is in quarantine.")] = False,
) -> None:
    """Put files back into the inbox, and ingest it.

    Each is read whole once more: what came in before is not counted again. A file that comes in whole leaves the list,
    and goes to archive/. Exit code 1 if something was refused again.

    Example:  scorekeeper quarantine retry 1a2b3c4d5e6f
    """
    from scorekeeper.inbox import quarantine as library

    if bool(ids) == all_files:
        raise typer.BadParameter("name the files, or say --all", param_hint="ID")
    with open_installation(for_flow=True) as (db, settings):
        with db.begin() as connection:
            if all_files:
                chosen = [one for one in library.list_quarantined(connection, settings) if one.files]
            else:
                chosen = [library.find(connection, settings, name) for name in ids or ()]
        for one in chosen:
            if not one.files:
                raise ScorekeeperError(f"{one.id}: {_safe(one.name)} is not in quarantine ({one.whereabouts})")
        if not chosen:
            typer.echo("nothing is in quarantine")
            return
        returned = [sha256 for one in chosen for sha256 in library.put_back(db, settings, one, datetime.now(UTC))]
        typer.echo(f"{len(returned)} files put back into {settings.inbox}")
        from cli.output.ingested import print_ingested
        from flows.ingest import ingest

        print_ingested(run_flow(ingest()))
        with db.begin() as connection:
            again = [sha256.hex() for sha256 in returned if library.is_refused(connection, sha256)]
    if again:
        ids_again = ", ".join(sha256[: library.ID_LENGTH] for sha256 in again[:5])
        raise ScorekeeperError(f"{len(again)} of {len(returned)} refused again: {ids_again}")


def _as_dict(one: "Quarantined") -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "sha256": one.sha256.hex(), "rejected": one.rejected,
        "rejected_at": one.rejected_at.isoformat(), "line": one.line, "field": one.field, "reason": one.reason,
        "files": [str(path) for path in one.files.values()],
    }  # fmt: skip


def _print_json(document: Any) -> None:
    from json import dumps

    typer.echo(dumps(document, indent=2))


def _where(line: int, field: str | None) -> str:
    where = f"line {line}" if line else "the whole file"
    return where + (f", {_safe(field)}" if field else "")


def _safe(words: str) -> str:
    return escape_controls(words)
