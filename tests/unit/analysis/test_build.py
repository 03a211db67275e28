"""Whatever the rows are, an analysis is made of them, and says nothing that is not a number."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scorekeeper.analysis import tables
from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import Analysis, figures
from scorekeeper.analysis.input_columns import DecisionColumns, InputColumns, SignalColumns, TradeColumns

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)


@st.composite
def any_rows(draw: st.DrawFn) -> InputColumns:
    n, agents, versions = draw(st.integers(0, 60)), draw(st.integers(1, 14)), draw(st.integers(1, 4))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale = draw(st.sampled_from([0.0, 1e-9, 1.0, 1e6]))
    opened = np.sort(chance.integers(0, draw(st.sampled_from([1, 1_000, 10**6])), n).astype(np.float64))
    direction = chance.integers(-1, 2, n).astype(np.int32)
    h = np.round(chance.normal(size=n), 2) * scale
    version = np.sort(chance.integers(0, versions, n)).astype(np.int32)
    present, number_of = np.unique(version, return_inverse=True)
    version = number_of.astype(np.int32)
    spoke = np.argwhere(chance.random((n, agents)) < draw(st.sampled_from([0.1, 0.9, 1.0]))).astype(np.int32)
    confidence = np.where(chance.random(len(spoke)) < 0.2, np.nan, chance.integers(0, 101, len(spoke)))
    traded = direction != 0
    pnl = (direction * h)[traded]
    closed = opened[traded] + chance.integers(0, 3_600, int(traded.sum()))
    return InputColumns(
        [f"v{number}" for number in present],
        [f"a{number}" for number in range(agents)],
        DecisionColumns(
            opened, opened + chance.integers(1, 3_600, n), direction, h, version,
            chance.integers(-1, 9, n),
        ),
        SignalColumns(spoke[:, 0], spoke[:, 1], chance.integers(-1, 2, len(spoke)).astype(np.int32), confidence),
        TradeColumns(opened[traded], closed, (closed // 86_400).astype(np.int32), pnl, pnl - 0.2,
               version[traded]),
    )  # fmt: skip


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers_in(one)]
    if isinstance(value, list | tuple):
        return [number for one in value for number in numbers_in(one)]
    return [value] if isinstance(value, float) else []


@settings(max_examples=60)
@given(any_rows())
def test_every_figure_is_undefined_or_a_number_and_survives_being_stored(rows: InputColumns) -> None:
    for analysis in build_analyses(rows, AS_OF):
        document = msgspec.to_builtins(analysis) | {"figures": figures(analysis)}
        assert all(map(math.isfinite, numbers_in(document)))
        stored = msgspec.json.decode(msgspec.json.encode(document))
        assert msgspec.convert(stored, Analysis) == analysis
        for make in (
            tables.attribution_rows, tables.calibration_rows, tables.baseline_rows,
            tables.version_rows,
        ):  # fmt: skip
            table = make(analysis, str)
            assert len(table) < 200
            assert len({tuple(row) for row in table}) <= 1  # each row has the same columns
        assert all(isinstance(sentence, str) and sentence.endswith(".") for sentence in analysis.sentences)


@settings(max_examples=30)
@given(any_rows())
def test_the_shares_of_all_agents_sum_to_what_their_weighted_vote_earned(rows: InputColumns) -> None:
    whole = build_analyses(rows, AS_OF)[0]
    voted = [one.total_return_pct for one in whole.baselines if one.kind == "confidence_vote"]
    assert math.isclose(
        math.fsum(one.shapley_pct for one in whole.agents), math.fsum(voted), rel_tol=1e-9,
        abs_tol=1e-9 * (1 + float(np.abs(rows.decisions.return_pct).sum())),
    )  # fmt: skip
