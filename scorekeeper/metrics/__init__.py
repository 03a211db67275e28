"""The score of closed trades and of agents.

names.py lists all metrics. formulas.py and daily_series.py define them, over the sums of day_sums.py. rollups.py stores
these sums by day, scorecard.py stores what they come to, and query.py answers for any selection. score_update.py runs
after each settlement; voiding.py takes a decision out.
"""
