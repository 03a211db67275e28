"""Cases of a test that run at the long level only."""

from typing import Any

import pytest


def long(*cases: Any) -> list[Any]:
    """These cases of a parameter only with --long: each takes its time, and shows little that the others do not."""
    return [pytest.param(case, marks=pytest.mark.long) for case in cases]
