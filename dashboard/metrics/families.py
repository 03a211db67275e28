"""Every metric: its name, kind, labels and meaning, and its values of one look."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from dashboard.data.monitored import MOST_SYMBOLS, MOST_UNDECIDED, Monitored
from scorekeeper.operations.alerts import NAMES as ALERTS
from scorekeeper.safe_text import escape_controls

PREFIX = "scorekeeper_"
BOUNDS = ("1", "5", "15", "60", "300", "3600", "+Inf")
# What is counted, by the metric that shows it: the name of the count, and its parts. Each is shown from 0 on.
COUNTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "arrivals": ("arrivals", ("ingested", "duplicate", "quarantined")),
    "entries": ("entries", ("accepted", "duplicate", "refused")),
    "events": ("events", ("decision", "outcome", "horizon", "metrics")),
    "closes": (
        "closes", ("expired", "stop_loss", "take_profit", "trailing_stop", "signal", "manual", "imported"),
    ),
    "exchange_requests": (
        "requests",
        (
            "answered", "rate_limit", "timeout", "unavailable", "network", "bad_response", "unknown_symbol", "refused",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Described:
    """What a metric is. A counter's name ends in `_total` where it is shown."""

    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


METRICS: dict[str, Described] = {
    "database_up": Described("gauge", "1 if the database answered; 0: nothing else of it is shown."),
    "build_info": Described("gauge", "Always 1: the release that answers.", ("version",)),
    "market_info": Described("gauge", "Always 1: the market that the database is bound to.", ("market",)),
    "last_track_timestamp_seconds": Described("gauge", "The minute that track has worked up to."),
    "last_analysis_timestamp_seconds": Described("gauge", "The minute that the last analysis is of."),
    "learned_until_timestamp_seconds": Described("gauge", "The hour up to which outcomes are learned."),
    "stale_days": Described("gauge", "Days whose score is to be composed again."),
    "open_trades": Described("gauge", "Open trades at the last track, without suspect and voided ones."),
    "undecided_decisions": Described(
        "gauge", f"Decisions without a known horizon return; more than {MOST_UNDECIDED} are not counted."
    ),
    "symbols": Described("gauge", f"Symbols with prices or in trouble; the first {MOST_SYMBOLS} have metrics."),
    "sealed_until_timestamp_seconds": Described("gauge", "Up to when a symbol's minutes are sealed.", ("symbol",)),
    "sealed_minutes": Described("gauge", "Sealed minutes of a symbol.", ("symbol",)),
    "price_age_seconds": Described(
        "gauge", "From the last sealed minute to the last track, where something is open or undecided.", ("symbol",)
    ),
    "price_patience_seconds": Described("gauge", "Prices that are older are stale: 15 minutes, or a candle if longer."),
    "price_trouble": Described("gauge", "1: why the last track got no prices of a symbol.", ("symbol", "kind")),
    "inbox_files": Described("gauge", "Files in the inbox that no writer has open; absent where it is not seen."),
    "waiting_files": Described(
        "gauge", "Files that ingest has met and that are in the inbox still: reading, or not moved.", ("state",)
    ),
    "arrivals": Described("counter", "Files read to their end.", ("outcome",)),
    "entries": Described("counter", "Entries of files: decisions that came in or did not.", ("outcome",)),
    "arrival_seconds": Described(
        "histogram", "From the last change of a file to the transaction that stores its last row."
    ),
    "events": Described("counter", "Events numbered for publication, of any origin.", ("kind",)),
    "closes": Described("counter", "Trades closed.", ("reason",)),
    "exchange_requests": Described("counter", "Requests to the exchange, each attempt.", ("result",)),
    "published_lines": Described("counter", "The last event whose lines are in the published file.", ("file",)),
    "alert": Described("gauge", "For how many subjects a condition holds.", ("alert",)),
    "completed_trades": Described("gauge", "Closed trades that count."),
    "win_rate_percent": Described("gauge", "Share of closed trades with a profit.", ("fees",)),
    "total_pnl_percent": Described("gauge", "Sum of the returns of closed trades.", ("fees",)),
    "expectancy_percent": Described("gauge", "Mean return of a closed trade.", ("fees",)),
    "drawdown_percent": Described("gauge", "How far the P&L is below its peak, in points.", ("fees",)),
    "prefect_up": Described("gauge", "1 if Prefect's server answered; absent where none is known."),
    "workers_online": Described("gauge", "Workers that report to Prefect's server."),
    "flow_runs": Described("gauge", "Runs that were due in the last hour.", ("flow", "state")),
    "scrape_seconds": Described("gauge", "How long the look at the database took."),
}
_LABEL = {name: METRICS[name].labels[0] for name in COUNTS}


@dataclass(frozen=True)
class Runs:
    """Prefect's runs that were due in the last hour, by flow and state, and its workers; `up`: whether it answered."""

    up: bool
    workers: int | None = None
    by_state: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What is known of one system. `monitored`: None if its database does not answer; `inbox`: None if not seen."""

    version: str
    monitored: Monitored | None
    seconds: float
    inbox: int | None = None


def make_families(looks: Mapping[str, Look], runs: Runs | None = None) -> Iterator[Metric]:
    """Every metric that has a value, as prometheus_client has them, of each system by its name.

    A system without a name stands alone, and its metrics have no label `system`. Nor have those of `runs`: a run works
    on all systems.
    """
    families: dict[str, Metric] = {}
    for system, look in looks.items():
        _add_look(_Values(families, {"system": system} if system else {}), look)
    if runs is not None:
        _add_runs(_Values(families, {}), runs)
    return iter(families.values())


def _add_look(values: "_Values", look: Look) -> None:
    values.set("build_info", 1, look.version)
    values.set("database_up", int(look.monitored is not None))
    values.set("scrape_seconds", look.seconds)
    values.set("inbox_files", look.inbox)
    if look.monitored is not None:
        _add_monitored(values, look.monitored)


def _add_runs(values: "_Values", runs: Runs) -> None:
    values.set("prefect_up", int(runs.up))
    values.set("workers_online", runs.workers)
    for (flow, state), number in sorted(runs.by_state.items()):
        values.set("flow_runs", number, flow, state)


class _Values:
    """Adds values to families; `more` are labels that each of them gets."""

    def __init__(self, families: dict[str, Metric], more: Mapping[str, str]) -> None:
        self.families, self._more = families, more

    def set(self, name: str, value: float | None, *labels: str) -> None:
        """Add a value; None, which is undefined, is left out."""
        if value is None:
            return
        said = METRICS[name]
        family = self._family(name)
        assert isinstance(family, GaugeMetricFamily | CounterMetricFamily)
        given = dict(zip(said.labels, map(escape_controls, labels), strict=True))
        family.add_metric([*given.values(), *self._more.values()], value)

    def set_buckets(self, name: str, counts: Mapping[str, int], total: float) -> None:
        """Add a histogram: how many by upper bound, and the sum of what was measured."""
        family = self._family(name)
        assert isinstance(family, HistogramMetricFamily)
        so_far, buckets = 0, []
        for bound in BOUNDS:
            so_far += counts.get(bound, 0)
            buckets.append((bound, so_far))
        family.add_metric([*self._more.values()], buckets, total)

    def _family(self, name: str) -> Metric:
        if name not in self.families:
            said = METRICS[name]
            classes = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}
            labels = [*said.labels, *self._more]
            self.families[name] = classes[said.kind](PREFIX + name, said.help, labels=labels)
        return self.families[name]


def _add_monitored(values: _Values, seen: Monitored) -> None:
    if seen.market is not None:
        values.set("market_info", 1, seen.market)
    values.set("last_track_timestamp_seconds", _stamp(seen.last_as_of))
    values.set("last_analysis_timestamp_seconds", _stamp(seen.analysed_at))
    values.set("learned_until_timestamp_seconds", _stamp(seen.learned_until))
    values.set("stale_days", seen.stale_days)
    values.set("open_trades", seen.open_trades)
    values.set("undecided_decisions", seen.undecided)
    values.set("symbols", seen.all_symbols)
    values.set("price_patience_seconds", seen.price_patience.total_seconds())
    _add_symbols(values, seen)
    for state in ("reading", "ingested", "duplicate", "quarantined"):
        values.set("waiting_files", seen.waiting.get(state, 0), state)
    for name, (counted, parts) in COUNTS.items():
        for part in parts:
            values.set(name, seen.activity.get((counted, part), 0), part)
    by_bound = {part: total for (name, part), total in seen.activity.items() if name == "arrival_seconds"}
    values.set_buckets("arrival_seconds", by_bound, seen.activity.get(("arrival_milliseconds", ""), 0) / 1000)
    for file in ("log", "dataset"):
        values.set("published_lines", seen.lines.get(file, 0), file)
    for alert in ALERTS:
        values.set("alert", seen.alerts.get(alert, 0), alert.partition(".")[2])
    for after_fees, score in seen.score.items():
        fees = "net" if after_fees else "gross"
        values.set("win_rate_percent", score.win_rate, fees)
        values.set("total_pnl_percent", score.total_pnl_pct, fees)
        values.set("expectancy_percent", score.expectancy_pct, fees)
        values.set("drawdown_percent", score.current_drawdown_pct, fees)
        if not after_fees:
            values.set("completed_trades", score.completed_trades)


def _add_symbols(values: _Values, seen: Monitored) -> None:
    for one in seen.symbols:
        if one.sealed_from is not None and one.sealed_until is not None:
            minutes = (one.sealed_until - one.sealed_from).total_seconds() / 60
            values.set("sealed_until_timestamp_seconds", _stamp(one.sealed_until), one.symbol)
            values.set("sealed_minutes", minutes, one.symbol)
            if one.needed and seen.last_as_of is not None:
                age = max((seen.last_as_of - one.sealed_until).total_seconds(), 0.0)
                values.set("price_age_seconds", age, one.symbol)
        if one.trouble is not None:
            values.set("price_trouble", 1, one.symbol, one.trouble)


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
