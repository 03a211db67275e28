"""The tools. Each reads in one transaction of a reader, and answers with at most 8,000 bytes of JSON."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastmcp.tools import ToolResult
from mcp_types import TextContent
from pydantic import Field
from sqlalchemy import Connection

from dashboard.data.answer import read_answer
from dashboard.data.filters import FilterError
from dashboard.data.lists import read_open_trades, read_trades
from dashboard.data.overview import read_scope
from dashboard.data.trade import read_trade
from dashboard.data.versions import Difference, read_versions
from dashboard.shown import plain
from dashboard.story import moments_of, summary
from mcp_server import schemas
from mcp_server.asked import check_text, find_agent, find_known, find_version, name_known, read_filters, read_selection
from mcp_server.fitting import Document, as_json, fit_page, read_cursor, shorten_list, squeeze, write_cursor
from mcp_server.quoted import find_name, plain_rows, quote, show_name, unescape
from mcp_server.reading import Scores
from mcp_server.weights import page_weights

MOST_ROWS = 50
Version = Annotated[str | None, Field(description="one version of the trading system; default: all", max_length=600)]
Symbol = Annotated[str | None, Field(description="one symbol, such as BTC/USDT; default: all", max_length=100)]
Moment = Annotated[str | None, Field(description="ISO 8601, UTC without a zone", max_length=40)]
AsOf = Annotated[str | None, Field(description="what was known then, ISO 8601; default: now", max_length=40)]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS, description="rows of a page, at most")]
Cursor = Annotated[str | None, Field(description="next_cursor of the page before", max_length=4_000)]
AgentName = Annotated[str, Field(description="the agent's name, as get_agents lists it", max_length=600)]
TRADE_ROWS = tuple(schemas.TRADES["properties"]["trades"]["items"]["properties"])
OPEN_ROWS = tuple(schemas.OPEN_TRADES["properties"]["trades"]["items"]["properties"])
_NAMES = ("trade_id", "version", "symbol", "agent")


class Tools:
    """The tools on one database."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores

    def get_feedback(
        self, agent: AgentName, symbol: Symbol = None, version: Version = None, as_of: AsOf = None
    ) -> ToolResult:
        """How an agent's calls turned out: a text of at most 200 words for its prompt, and the same figures.

        Counts first, rates with their 95 % intervals, and what cannot be told. No word of another agent.
        """
        from scorekeeper.learning.read_feedback import as_document, list_every_agent, read_feedback  # SciPy is slow

        def work(connection: Connection) -> Document:
            filters = read_filters(version=version, as_of=as_of, symbol=symbol)
            known = list_every_agent(connection)
            name = find_name(agent, known)
            if name is None:
                raise FilterError("agent", agent, f"one of {name_known(known)}")
            of_version = find_version(connection, filters)
            told = read_feedback(connection, name, symbol=filters.symbol, version=of_version, as_of=filters.as_of)
            found = as_document(told)
            found["last"] = plain_rows(found["last"], _NAMES)
            return {key: found[key] for key in schemas.FEEDBACK["properties"]} | {
                "agent": show_name(name), "version": found["version"] and show_name(found["version"]),
            }  # fmt: skip

        return answer(self._scores.ask(work))

    def get_scorecard(
        self, version: Version = None, symbol: Symbol = None, since: Moment = None, until: Moment = None,
        as_of: AsOf = None,
    ) -> ToolResult:  # fmt: skip
        """How good the system is: every figure before and after fees, with intervals and sample sizes.

        Null is undefined, never 0. since and until are half-open, on a trade's exit.
        """

        def work(connection: Connection) -> Document:
            filters = read_selection(connection, version, symbol, since, until, as_of)
            answer = read_answer(connection, filters)
            gross = schemas.SCORECARD["properties"]["before_fees"]["properties"]
            net = schemas.SCORECARD["properties"]["after_fees"]["properties"]
            return _scope_of(answer) | {
                "before_fees": {name: answer[name] for name in gross},
                "after_fees": {name: answer["net"].get(name) for name in net},
                "verdicts": _verdicts(answer),
            }

        return answer(self._scores.ask(work))

    def get_agents(
        self, version: Version = None, symbol: Symbol = None, since: Moment = None, until: Moment = None,
        as_of: AsOf = None, limit: Limit = 20, cursor: Cursor = None,
    ) -> ToolResult:  # fmt: skip
        """How good each agent is: its calls against where the price went by each decision's expiry, traded or not."""

        def work(connection: Connection) -> Document:
            filters = read_selection(connection, version, symbol, since, until, as_of)
            answer = read_answer(connection, filters)
            after = read_cursor(cursor)
            every = sorted(answer["agent_performance"].items())
            rest = [(name, one) for name, one in every if after is None or name > after]

            def page(n: int) -> Document:
                shown = [
                    {"agent": show_name(name), **{key: one[key] for key in schemas.AGENT_FIGURES},
                     "verdicts": _verdicts(one)}
                    for name, one in rest[:n]
                ]  # fmt: skip
                more = rest[n - 1][0] if len(rest) > n else None
                return _scope_of(answer) | {
                    "agents": shown, "count": len(every), "next_cursor": write_cursor(more),
                }  # fmt: skip

            return fit_page(page, "agents", limit)

        return answer(self._scores.ask(work))

    def find_trades(
        self, version: Version = None, symbol: Symbol = None, since: Moment = None, until: Moment = None,
        as_of: AsOf = None,
        outcome: Annotated[Literal["win", "loss", "even"] | None, Field(description="by P&L, see after_fees")] = None,
        side: Literal["long", "short"] | None = None,
        exit_reason: Literal[
            "expired", "stop_loss", "take_profit", "trailing_stop", "manual", "signal", "imported"
        ] | None = None,
        agent: Annotated[str | None, Field(description="trades to which it said something", max_length=600)] = None,
        stance: Annotated[
            Literal["supported", "opposed", "abstained"] | None, Field(description="of that agent on the trade")
        ] = None,
        sort: Literal["exit_time", "opened_at", "pnl_pct", "mfe_pct", "mae_pct", "hold_time_minutes"] = "exit_time",
        ascending: bool = False, after_fees: bool = False, limit: Limit = 20, cursor: Cursor = None,
    ) -> ToolResult:  # fmt: skip
        """List closed trades, the last to close first. since and until are on the exit; with an agent on the expiry."""

        def work(connection: Connection) -> Document:
            filters = read_selection(
                connection, version, symbol, since, until, as_of, outcome=outcome, side=side, exit=exit_reason,
                stance=stance, sort=sort, order="asc" if ascending else "desc", agent=find_agent(connection, agent),
                fees="net" if after_fees else None, after=read_cursor(cursor),
            )  # fmt: skip

            def page(n: int) -> Document:
                found = read_trades(connection, filters, n)
                rows = [{name: getattr(row, name) for name in TRADE_ROWS} for row in found.rows]
                return {
                    "trades": plain_rows(rows, _NAMES), "count": found.count, "count_is_more": found.is_more,
                    "next_cursor": write_cursor(found.after),
                }  # fmt: skip

            return fit_page(page, "trades", limit)

        return answer(self._scores.ask(work))

    def get_open_trades(
        self, version: Version = None, symbol: Symbol = None, limit: Limit = 20, cursor: Cursor = None
    ) -> ToolResult:
        """List open trades at the last track: mark, P&L before fees, time to expiry, distance to stop and target."""

        def work(connection: Connection) -> Document:
            filters = read_selection(connection, version, symbol, None, None, None, after=read_cursor(cursor))

            def page(n: int) -> Document:
                found = read_open_trades(connection, filters, n)
                rows = [{name: getattr(row, name) for name in OPEN_ROWS} for row in found.rows]
                return {
                    "as_of": read_scope(connection).last_as_of, "trades": plain_rows(rows, _NAMES),
                    "count": found.count, "next_cursor": write_cursor(found.after),
                }  # fmt: skip

            return fit_page(page, "trades", limit)

        return answer(self._scores.ask(work))

    def get_weights(
        self, version: Annotated[str | None, Field(description="default: the newest", max_length=600)] = None,
        as_of: AsOf = None, limit: Limit = 20, cursor: Cursor = None,
    ) -> ToolResult:  # fmt: skip
        """What was learned of the agents' weights, whether it is in use, and the evidence for it."""
        from scorekeeper.learning.learned import read_learned, read_versions  # SciPy is slow
        from scorekeeper.learning.words import tell_weights

        def work(connection: Connection) -> Document:
            filters = read_filters(version=version, as_of=as_of)
            chosen = filters.version and find_known("version", filters.version, read_versions(connection))
            learned = read_learned(connection, fee_bps=self._scores.fee_bps, version=chosen, at=filters.as_of)
            told = {} if learned is None else tell_weights(learned, datetime.now(UTC))
            return page_weights(told, limit, read_cursor(cursor))

        return answer(self._scores.ask(work))

    def explain_trade(
        self, trade_id: Annotated[str, Field(description="as find_trades lists it", max_length=2_000)],
        as_of: AsOf = None,
    ) -> ToolResult:  # fmt: skip
        """Tell the story of one decision and its trade: what was known when, why it ended, and what each agent said."""

        def work(connection: Connection) -> Document:
            filters = read_filters(as_of=as_of)
            story = read_trade(connection, filters, check_text("trade_id", trade_id)) or read_trade(
                connection, filters, check_text("trade_id", unescape(trade_id))
            )
            if story is None:
                raise FilterError("trade_id", trade_id, "the id of a decision that was known then")
            fields = schemas.EXPLAINED["properties"]
            row = story.row | {"action_quoted": quote(story.row["action"], 60),
                               "reason_quoted": quote(story.row["reason"])}  # fmt: skip
            [decision] = plain_rows([{name: row[name] for name in fields["decision"]["properties"]}], _NAMES)
            told = {
                "trade_id": show_name(row["trade_id"]), "summary": summary(story), "decision": decision,
                "trade": {name: row[name] for name in fields["trade"]["properties"]},
                "timeline": [vars(one) for one in moments_of(story, filters.as_of)[:40]],
                "signals": [
                    {
                        "agent": show_name(one.agent), "signal_quoted": quote(one.signal, 60),
                        "direction": one.direction, "confidence": one.confidence, "right": one.right,
                        "call_return_pct": one.call_return_pct,
                    }
                    for one in story.signals
                ],
            }  # fmt: skip
            return shorten_list(told, "signals")

        return answer(self._scores.ask(work))

    def compare_versions(
        self,
        one: Annotated[str | None, Field(description="a version", max_length=600)] = None,
        other: Annotated[str | None, Field(description="the version to compare it with", max_length=600)] = None,
        as_of: AsOf = None,
    ) -> ToolResult:
        """Compare two versions by the last analysis: paired on the same decisions, and over their own periods.

        Without names it lists the versions. "Cannot be told" is an answer: few versions differ by more than luck.
        """

        def work(connection: Connection) -> Document:
            found = read_versions(connection, read_filters(as_of=as_of))
            known = [period.version for period in found.periods]
            asked = [find_known("version", name, known) for name in (one, other) if name is not None]
            pair = found.between(*asked) if len(asked) == 2 else None
            document = {
                "analysed_at": found.analysed_at,
                "pair": pair and {
                    "one": show_name(pair.one), "other": show_name(pair.other),
                    "paired": _difference(pair.paired), "own_periods": _difference(pair.own_periods),
                },
                "versions": plain_rows((vars(p) for p in found.periods if not asked or p.version in asked), _NAMES),
            }  # fmt: skip
            return shorten_list(document, "versions")

        return answer(self._scores.ask(work))


def answer(document: Document) -> ToolResult:
    """The document as structured content, and the same as text for callers that know no schema."""
    words = as_json(squeeze(document))
    return ToolResult([TextContent(type="text", text=words)], json.loads(words))


def _difference(found: Difference) -> Document:
    return {
        "mean": found.mean, "ci95": found.interval, "n": found.n, "independent": found.independent,
        "p_adjusted": found.p_adjusted, "verdict": _spaced(found.verdict),
    }  # fmt: skip


def _verdicts(figures: dict[str, Any]) -> Document:
    return {name: _spaced(words) for name, words in figures["verdicts"].items()}


def _spaced(words: str) -> str:
    """Words of a page, whose spaces before a unit do not break."""
    return words.replace("\u00a0", " ")


def _scope_of(answer: dict[str, Any]) -> Document:
    found = {name: plain(answer[name]) for name in ("version", "symbol", "since", "until", "as_of")}
    return found | {"version": found["version"] and show_name(found["version"])}
