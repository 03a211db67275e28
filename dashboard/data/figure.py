"""A figure with its evidence: interval, sample size, verdict, and the address of the rows behind it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One number as a page shows it.

    `name`: its key in `metrics --json`, such as win_rate; `value` in `unit` ("%", "points", "min", "" for a plain
    number), None where it is undefined; `interval`: the 95 % interval, low and high, in the same unit; `interval_kind`:
    "robust" (of the last analysis) or "if trades are independent"; `n`: what it is taken over, in `n_of` ("trades",
    "calls", "signals"); `verdict`: what the last analysis says, in words, None where it says nothing; `href`: the
    address, relative to the dashboard's root and without a leading slash, that lists exactly the `n` rows; None where
    there are none to list.
    """

    name: str
    label: str
    value: float | None
    unit: str
    interval: tuple[float, float] | None
    n: int
    verdict: str | None
    href: str | None
    n_of: str = "trades"
    interval_kind: str | None = None
    digits: int = 2
