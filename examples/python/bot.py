"""A bot that appends a row for each decision to a CSV file in the inbox."""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

NAMES = ["timestamp", "symbol", "type", "price", "confidence", "agent.Chart.signal", "agent.News.signal"]
now = sys.argv[1] if len(sys.argv) > 1 else datetime.now(UTC).isoformat()
path = Path("inbox/bot.csv")
fresh = not path.exists()
with path.open("a", newline="") as file:
    rows = csv.writer(file)
    if fresh:
        rows.writerow(NAMES)
    rows.writerow([now, "ETH/USDT", "SELL", 100.0, 70, "bearish", "neutral"])
