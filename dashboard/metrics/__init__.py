"""`/metrics`: what Prometheus collects. `families.py` lists every metric, `scrape.py` answers."""
