"""A trade's life: the candles it needs, its settlement, its marks, and requests to close it."""
