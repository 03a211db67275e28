"""What is learned from decisions, in plain loops: slow, obviously right, and without code of the product.

Everything is of one version. `decisions` holds those that count: not voided, not late, at a price that was judged good.
"""

import itertools
import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cached_property

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND, HOUR = timedelta(microseconds=1), timedelta(hours=1)
BETS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9]


@dataclass(frozen=True)
class PlainDecision:
    """`h`: the horizon's return in percent, None: unknown. `signals`: by agent, direction and confidence (0..100)."""

    trade_id: str
    opened_at: datetime
    expires_at: datetime
    h: float | None
    signals: dict[str, tuple[int, float | None]]


@dataclass(frozen=True)
class PlainAgent:
    weight: float
    p: float
    right: float
    wrong: float
    calls: int
    independent_calls: float
    long_share: float | None


@dataclass(frozen=True)
class PlainVote:
    score: float
    equal_score: float
    direction: int
    equal_direction: int
    scale_pct: float | None
    move_pct: float | None
    p_up: float
    beta: float


@dataclass(frozen=True)
class PlainBlock:
    begins_at: datetime
    ends_at: datetime
    decisions: int
    independent: float
    mean_excess: float
    scale: float
    wealth: list[float]
    e_value: float
    running: str
    adopted: bool


def mean_share(mine: PlainDecision, all_open: list[PlainDecision]) -> Fraction:
    """The mean over the life of `mine` of 1/(how many of `all_open` are open): exact. `mine` is one of them."""
    cuts = {mine.opened_at, mine.expires_at}
    for other in all_open:
        cuts |= {cut for cut in (other.opened_at, other.expires_at) if mine.opened_at < cut < mine.expires_at}
    moments = sorted(cuts)
    total = Fraction(0)
    for begin, end in itertools.pairwise(moments):
        count = sum(other.opened_at <= begin < other.expires_at for other in all_open)
        total += Fraction((end - begin) // MICROSECOND, count)
    return total / ((mine.expires_at - mine.opened_at) // MICROSECOND)


def as_fraction(confidence: float | None) -> float:
    return (50.0 if confidence is None else confidence) / 100.0


def sign_of(score: float, agents: int) -> int:
    """The direction of a score: its sum over agents, on the scale of 0 to 100, is HOLD within 1e-9 of 0."""
    total = score * agents * 100.0
    return 0 if abs(total) <= 1e-9 else (1 if total > 0 else -1)


class PlainLearning:
    def __init__(self, decisions: list[PlainDecision]) -> None:
        self.decisions = sorted(decisions, key=lambda one: (one.opened_at, one.trade_id.encode()))
        known = [one for one in decisions if one.h is not None and one.h != 0]
        self.outcomes = sorted(known, key=lambda one: (one.expires_at, one.trade_id.encode()))

    # Uniqueness, and the count of independent decisions.

    @cached_property
    def decision_u(self) -> dict[str, float]:
        return {one.trade_id: float(mean_share(one, self.decisions)) for one in self.decisions}

    @cached_property
    def call_u(self) -> dict[tuple[str, str], float]:
        """By decision and agent, for calls: signals with a direction."""
        shares = {}
        for agent in {agent for one in self.decisions for agent in one.signals}:
            called = [one for one in self.decisions if one.signals.get(agent, (0, None))[0] != 0]
            shares.update({(one.trade_id, agent): float(mean_share(one, called)) for one in called})
        return shares

    @cached_property
    def independent_at(self) -> dict[str, float]:
        """N just after each outcome."""
        total, found = 0.0, {}
        for one in self.outcomes:
            total += self.decision_u[one.trade_id]
            found[one.trade_id] = total
        return found

    def known(self, t: datetime) -> list[PlainDecision]:
        return [one for one in self.outcomes if one.expires_at <= t]

    def remembered(self, t: datetime) -> list[tuple[PlainDecision, float]]:
        """The outcomes known at t, each with how much of it is not forgotten."""
        known = self.known(t)
        now = self.independent_at[known[-1].trade_id] if known else 0.0
        return [(one, 0.5 ** ((now - self.independent_at[one.trade_id]) / 336)) for one in known]

    # Weights.

    def agents(self, t: datetime) -> list[str]:
        return sorted({agent for one in self.decisions if one.opened_at <= t for agent in one.signals})

    def weights(self, t: datetime) -> dict[str, PlainAgent]:
        remembered = self.remembered(t)
        up = sum(part * self.decision_u[one.trade_id] for one, part in remembered if (one.h or 0) > 0)
        down = sum(part * self.decision_u[one.trade_id] for one, part in remembered if (one.h or 0) < 0)
        share_up, share_down = (up + 10) / (up + down + 20), (down + 10) / (up + down + 20)
        right: dict[str, float] = {}
        wrong: dict[str, float] = {}
        for agent in self.agents(t):
            right[agent] = wrong[agent] = 0.0
            for one, part in remembered:
                direction, _ = one.signals.get(agent, (0, None))
                if direction == 0:
                    continue
                assert one.h is not None
                balance = 0.5 / share_up if one.h > 0 else 0.5 / share_down
                amount = part * self.call_u[one.trade_id, agent] * balance
                if direction * one.h > 0:
                    right[agent] += amount
                else:
                    wrong[agent] += amount
        p = {agent: (right[agent] + 55) / (right[agent] + wrong[agent] + 100) for agent in right}
        odds = {agent: math.log(p[agent] / (1 - p[agent])) for agent in p}
        size = sum(abs(one) for one in odds.values())
        none = sum(right.values()) + sum(wrong.values()) == 0 or size == 0
        found = {}
        for agent in p:
            calls = [one for one in self.known(t) if one.signals.get(agent, (0, None))[0] != 0]
            found[agent] = PlainAgent(
                weight=1.0 if none else odds[agent] * len(p) / size,
                p=p[agent],
                right=right[agent],
                wrong=wrong[agent],
                calls=len(calls),
                independent_calls=sum(self.call_u[one.trade_id, agent] for one in calls),
                long_share=sum(one.signals[agent][0] > 0 for one in calls) / len(calls) if calls else None,
            )
        return found

    # Votes.

    def score(self, signals: dict[str, tuple[int, float | None]], t: datetime) -> float:
        weights = self.weights(t)
        total = 0.0
        for agent in sorted(signals, key=str.encode):
            direction, confidence = signals[agent]
            weight = weights[agent].weight if agent in weights else 1.0
            total += weight * direction * as_fraction(confidence)
        return total / len(weights) if weights else 0.0

    @cached_property
    def scores(self) -> dict[str, float]:
        return {one.trade_id: self.score(one.signals, one.opened_at) for one in self.decisions}

    def equal_score(self, decision: PlainDecision) -> float:
        agents = len(self.agents(decision.opened_at))
        said = [decision.signals[agent] for agent in sorted(decision.signals, key=str.encode)]
        total = 0.0
        for direction, confidence in said:
            total += direction * as_fraction(confidence)
        return total / agents if agents else 0.0

    def beta(self, t: datetime) -> float:
        """The slope of the probability of a move upwards, fitted at the UTC midnight at or before t.

        The root of the derivative of the log posterior, which falls: found by halving an interval.
        """
        midnight = t.replace(hour=0, minute=0, second=0, microsecond=0)
        seen = [
            (self.scores[one.trade_id], 1.0 if (one.h or 0) > 0 else 0.0, self.decision_u[one.trade_id])
            for one in self.known(midnight)
        ]

        def rises(beta: float) -> bool:
            slope = -beta + math.fsum(u * q * (y - 1 / (1 + math.exp(-beta * q))) for q, y, u in seen)
            return slope > 0

        low, high = -64.0, 64.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if rises(middle) else (low, middle)
        return (low + high) / 2 if seen else 0.0

    def vote(self, decision: PlainDecision) -> PlainVote:
        known = [one.h or 0.0 for one in self.known(decision.opened_at)]
        score, equal = self.scores[decision.trade_id], self.equal_score(decision)
        agents, beta = len(self.agents(decision.opened_at)), self.beta(decision.opened_at)
        return PlainVote(
            score,
            equal,
            sign_of(score, agents),
            sign_of(equal, agents),
            math.sqrt(math.fsum(h * h for h in known) / len(known)) if known else None,
            math.fsum(abs(h) for h in known) / len(known) if known else None,
            1 / (1 + math.exp(-beta * score)),
            beta,
        )

    # Evidence.

    def excess(self, decision: PlainDecision) -> float:
        """Y: by how much the learned score earns more than the equal one, in units of the usual move."""
        assert decision.h is not None
        known = [one.h or 0.0 for one in self.known(decision.opened_at)]
        if not known:
            return 0.0
        scale = math.sqrt(math.fsum(h * h for h in known) / len(known))
        difference = self.scores[decision.trade_id] - self.equal_score(decision)
        return difference * max(-4.0, min(4.0, decision.h / scale))

    @cached_property
    def block_hours(self) -> int | None:
        """None below 20 decisions."""
        if len(self.decisions) < 20:
            return None
        hold = statistics.median((one.expires_at - one.opened_at) / HOUR for one in self.decisions[:20])
        return next((hours for hours in (4, 24, 96, 672, 2688) if hours >= 4 * hold), 2688)

    def blocks(self, t: datetime) -> list[PlainBlock]:
        """The blocks that ended at or before t, in order."""
        if self.block_hours is None or self.decisions[19].opened_at > t:
            return []
        length = self.block_hours * HOUR
        inside: dict[datetime, list[PlainDecision]] = {}
        for one in self.outcomes:
            begins_at = EPOCH + (one.opened_at - EPOCH) // length * length
            if one.expires_at <= begins_at + length <= t:
                inside.setdefault(begins_at, []).append(one)
        found: list[PlainBlock] = []
        wealth, adopted = [1.0] * 7, False
        for begins_at in sorted(inside):
            members = inside[begins_at]
            mean = math.fsum(self.excess(one) for one in members) / len(members)
            earlier = math.fsum(block.mean_excess**2 for block in found)
            scale = math.sqrt((3 * 0.06**2 + earlier) / (3 + len(found)))
            bet = max(-1.0, min(1.0, (-mean if adopted else mean) / (3 * scale)))
            wealth = [one * (1 + bet * share) for one, share in zip(wealth, BETS, strict=True)]
            e_value, running = sum(wealth) / 7, "against" if adopted else "for"
            turns = e_value >= 20
            found.append(
                PlainBlock(
                    begins_at, begins_at + length, len(members), sum(self.decision_u[one.trade_id] for one in members),
                    mean, scale, wealth, e_value, running, adopted != turns,
                )
            )  # fmt: skip
            if turns:
                wealth, adopted = [1.0] * 7, not adopted
        return found

    def adopted(self, t: datetime) -> bool:
        blocks = self.blocks(t)
        return bool(blocks) and blocks[-1].adopted


@dataclass(frozen=True)
class PlainMap:
    as_of: datetime
    calls: int
    independent_calls: float
    a: float | None
    b: float | None
    rate: float | None


@dataclass(frozen=True)
class PlainScore:
    """Mean squared errors with the stated confidence, the rate and the map; the intervals of raw - map, rate - map."""

    scored: int
    brier_raw: float
    brier_rate: float
    brier_map: float
    gain: tuple[float, float] | None
    rate_gain: tuple[float, float] | None


class PlainMaps:
    """The recalibration maps of one agent."""

    def __init__(self, learning: PlainLearning, agent: str) -> None:
        self.learning, self.agent = learning, agent
        self.calls = []  # on outcomes, with a confidence, in order of outcomes
        for one in learning.outcomes:
            direction, confidence = one.signals.get(agent, (0, None))
            if direction and confidence:
                assert one.h is not None
                self.calls.append((one, confidence, 1.0 if direction * one.h > 0 else 0.0))

    def own(self, decision: PlainDecision) -> float:
        return self.learning.call_u[decision.trade_id, self.agent]

    @cached_property
    def maps(self) -> list[PlainMap]:
        """One for each UTC day in which a call became known, at the midnight after it."""
        return [self.map_at(as_of) for as_of in sorted({next_midnight(one.expires_at) for one, _, _ in self.calls})]

    def map_at(self, as_of: datetime) -> PlainMap:
        kept = {one.trade_id: part for one, part in self.learning.remembered(as_of)}
        seen = [(self.own(one), kept[one.trade_id], c, y) for one, c, y in self.calls if one.expires_at <= as_of]
        independent = sum(own for own, _, _, _ in seen)
        if independent < 20:
            return PlainMap(as_of, len(seen), independent, None, None, None)
        rows = [(own * part, log_odds(round(c) / 100), y) for own, part, c, y in seen]
        a, b = most_probable(rows)
        weight = sum(w for w, _, _ in rows)
        return PlainMap(as_of, len(seen), independent, a, b, sum(w * y for w, _, y in rows) / weight)

    def score(self, as_of: datetime) -> PlainScore | None:
        """Each call by the last map at its opening; None if none had one."""
        days: dict[datetime, list[tuple[float, float, float]]] = {}
        independent = 0.0
        for one, confidence, y in self.calls:
            before = [row for row in self.maps if row.as_of <= one.opened_at]
            if one.expires_at > as_of or not before or before[-1].a is None:
                continue
            row = before[-1]
            assert row.a is not None
            assert row.b is not None
            assert row.rate is not None
            said = 1 / (1 + math.exp(-row.a - row.b * log_odds(confidence / 100)))
            errors = ((confidence / 100 - y) ** 2, (row.rate - y) ** 2, (said - y) ** 2)
            days.setdefault(next_midnight(one.expires_at), []).append(errors)
            independent += self.own(one)
        scored = [errors for day in days.values() for errors in day]
        if not scored:
            return None
        raw, rate, mapped = (sum(one[place] for one in scored) / len(scored) for place in range(3))
        gains = [[[one[place] - one[2] for one in days[day]] for day in sorted(days)] for place in range(2)]
        first, second = (interval_over_days(each) if independent >= 20 else None for each in gains)
        return PlainScore(len(scored), raw, rate, mapped, first, second)


def next_midnight(moment: datetime) -> datetime:
    """The first UTC midnight at or after a moment."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + 24 * HOUR


def log_odds(confidence: float) -> float:
    clipped = min(0.98, max(0.02, confidence))
    return math.log(clipped / (1 - clipped))


def most_probable(rows: list[tuple[float, float, float]]) -> tuple[float, float]:
    """a, b of the chance 1 / (1 + exp(-a - b x)), from (weight, x, right): Newton's steps, halved until they help."""

    def cost(a: float, b: float) -> float:
        prior = (a / 0.2) ** 2 / 2 + (b / 0.3) ** 2 / 2
        return prior + math.fsum(w * (math.log1p(math.exp(a + b * x)) - y * (a + b * x)) for w, x, y in rows)

    a = b = 0.0
    for _ in range(60):
        chances = [1 / (1 + math.exp(-a - b * x)) for _, x, _ in rows]
        slopes = [w * (p - y) for (w, _, y), p in zip(rows, chances, strict=True)]
        bends = [w * p * (1 - p) for (w, _, _), p in zip(rows, chances, strict=True)]
        to_a = a / 0.04 + math.fsum(slopes)
        to_b = b / 0.09 + math.fsum(s * x for s, (_, x, _) in zip(slopes, rows, strict=True))
        aa = 1 / 0.04 + math.fsum(bends)
        ab = math.fsum(k * x for k, (_, x, _) in zip(bends, rows, strict=True))
        bb = 1 / 0.09 + math.fsum(k * x * x for k, (_, x, _) in zip(bends, rows, strict=True))
        one, two = (bb * to_a - ab * to_b) / (aa * bb - ab * ab), (aa * to_b - ab * to_a) / (aa * bb - ab * ab)
        part = 1.0
        while part > 1e-3 and cost(a - part * one, b - part * two) > cost(a, b) + 1e-9:
            part /= 2
        a, b = a - part * one, b - part * two
    return a, b


def interval_over_days(days: list[list[float]]) -> tuple[float, float] | None:
    """The mean's interval over eight groups of whole days: group k ends with the first day at which 8 calls >= k n."""
    values = [value for day in days for value in day]
    groups: list[list[float]] = [[]]
    count = 0
    for day in days:
        groups[-1] += day
        count += len(day)
        while 8 * count >= len(groups) * len(values):
            groups.append([])
    if len(groups) != 9 or not all(groups[:8]):
        return None
    mean = sum(values) / len(values)
    parts = [(len(one) / len(values) * (sum(one) / len(one) - mean)) ** 2 for one in groups[:8]]
    half = 2.3646242515927844 * math.sqrt(8 / 7 * sum(parts))  # Student's t, seven degrees
    return (mean - half, mean + half) if half else None
