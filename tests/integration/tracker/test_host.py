"""The tracker in a host that has its own tasks.py, sql/ and analytics/, and what it imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import json, sys
import analytics, tasks, sql                      # the host's own
assert analytics.OWN and tasks.OWN and sql.OWN
from scorekeeper import PerformanceTracker
tracker = PerformanceTracker(log_dir="l", datasets_dir="d")
trade_id = tracker.record_decision({"symbol": "BTC/USDT", "type": "BUY", "price": 45000.0, "confidence": 85})
heavy = [name for name in ("prefect", "pandas", "ccxt", "numpy", "scipy") if name in sys.modules]
print(json.dumps([trade_id, tracker.get_system_metrics()["active_trades"], heavy]), flush=True)
import os; os._exit(9)                            # it dies at once: nothing may be lost
"""


def test_the_tracker_works_from_a_host_with_rooms_of_the_same_names(database_url: str, tmp_path: Path) -> None:
    for name in ("analytics", "sql"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("OWN = True\n")
    (tmp_path / "tasks.py").write_text("OWN = True\n")
    (tmp_path / "host.py").write_text(PROGRAM)
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "host.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    trade_id, active, heavy = json.loads(done.stdout)
    assert (active, heavy) == (1, [])
    record = json.loads((tmp_path / "d" / "performance_dataset.jsonl").read_text())
    assert (record["trade_id"], record["status"]) == (trade_id, "active")
    environment |= {"PYTHONPATH": str(ROOT)}
    second = (
        "from analytics.performance_tracker import PerformanceTracker; "
        "print(PerformanceTracker().get_system_metrics()['active_trades'])"
    )
    seen = subprocess.run(
        [sys.executable, "-c", second], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "1\n"
