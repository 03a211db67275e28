"""Days to score again are read in stretches: together where few other days lie between, else by themselves."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.metrics.rollups import LONGEST_GAP, _stretches

DAYS = st.sets(st.dates(date(2024, 1, 1), date(2026, 12, 31)), min_size=1, max_size=60)


@given(DAYS)
def test_each_day_is_in_one_stretch_and_no_stretch_has_a_long_gap(days: set[date]) -> None:
    found = list(_stretches(days))
    assert [day for stretch in found for day in stretch["days"]] == sorted(days)
    for stretch in found:
        own = stretch["days"]
        assert all(later - earlier <= LONGEST_GAP for earlier, later in pairwise(own))
        assert (stretch["since"].date(), stretch["until"].date()) == (own[0], own[-1] + timedelta(days=1))
    for one, other in pairwise(found):
        assert other["days"][0] - one["days"][-1] > LONGEST_GAP
