"""Exact arithmetic of sums."""

from decimal import Context, Inexact

# Sums of doubles and of their fourth powers have far fewer digits. A sum that has more is an error, not rounded.
EXACT = Context(prec=4_000, traps=[Inexact])
