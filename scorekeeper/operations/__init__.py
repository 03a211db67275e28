"""What an operator runs beside the pipeline: health checks, alerts, backtest, import, prune, recovery, move, sample."""
