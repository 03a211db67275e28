"""What an operator runs beside the pipeline: checks, alerts, backtest, import, prune, recovery."""
