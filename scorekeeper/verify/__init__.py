"""Everything recomputed from decisions and candles, by code that the pipeline does not use."""
