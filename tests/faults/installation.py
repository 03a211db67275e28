"""A real installation beside its model: what is done to it, alone, at once and killed, and what it holds then."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from scorekeeper.publish import publish
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify.run import verify
from tests import agreement
from tests.faults.kill_loop import ROOT, Zygote
from tests.faults.model import Model, Step
from tests.faults.steps import perform, settings_in, spell
from tests.universes import Universe, write_replay

ARRIVALS = """
SELECT name, sha256, outcome, decisions, rejected, moved_at IS NOT NULL, duplicates FROM scorekeeper.file_arrival
"""
BEGUN = """
SELECT f.sha256, f.committed_lines
FROM scorekeeper.file_arrival AS a INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.outcome = 'reading'
"""


class Installation:
    """In a folder, with a database at `url`, over the market of a universe; its processes are the zygote's."""

    work = "step"

    def __init__(self, folder: Path, url: str, universe: Universe, zygote: Zygote) -> None:
        self.folder, self._url, self._zygote = folder, url, zygote
        self.arguments: list[str] = []
        self.environment = {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        for name in ("inbox", "market"):
            (folder / name).mkdir(parents=True)
        write_replay(universe, folder / "market")
        self.settings = settings_in(folder)
        self.db = self._open()

    def _open(self) -> Database:
        return open_database(self._url, self.folder, migrate=False)

    def close(self) -> None:
        self.db.close()

    def restart(self) -> None:
        """Another process goes on."""
        self.db.close()
        self.db = open_database(self._url, self.folder)

    def perform(self, step: Step) -> str:
        return perform(self.db, self.settings, step)

    def at_once(self, *steps: Step) -> list[str]:
        """All of them at the same time, each with connections of its own; what is said of each."""
        ready = threading.Barrier(len(steps))

        def run(step: Step) -> str:
            with self._open() as db:
                ready.wait(30)
                return perform(db, self.settings, step)

        with ThreadPoolExecutor(len(steps)) as threads:
            return list(threads.map(run, steps))

    def kill(self, step: Step, point: str, number: int) -> bool:
        """The step in a process of its own that dies when it comes by `point` for the `number`-th time; if it does."""
        self.arguments = [spell(step)]
        done = self._zygote.run(self, point, number)
        assert done["signal"] in (0, 9)
        assert done["signal"] or done["status"] == 0, "a step that was not killed failed"
        return bool(done["signal"])

    def begun(self) -> dict[bytes, int]:
        """Contents that are being read, and how many lines of them are."""
        with self.db.begin() as connection:
            return {bytes(sha256): lines for sha256, lines in connection.execute(text(BEGUN))}

    def check_files(self, model: Model) -> None:
        """Every file has its one outcome, every refusal its reason, and every file lies where it belongs."""
        with self.db.begin() as connection:
            arrivals = [(name, bytes(sha), *rest) for name, sha, *rest in connection.execute(text(ARRIVALS))]
            refused = {
                (bytes(sha), line): (field, reason)
                for sha, line, field, reason in connection.exec_driver_sql(
                    "SELECT sha256, line, field, reason FROM scorekeeper.rejection"
                )
            }
        wanted = [
            (a.file.name, a.file.sha256, a.outcome, a.decisions, a.rejected, a.moved, a.duplicates)
            for a in model.arrivals
        ]
        # Of a content that was read in pieces it is only known how many decisions its last piece holds.
        known, expected = (
            sorted((*row[:6], row[6] if row[1] not in model.grown else None) for row in rows)
            for rows in (arrivals, wanted)
        )
        assert known == expected
        refusals = {(sha, line): why for sha, lines in model.refusals.items() for line, why in lines.items()}
        assert refused.keys() == refusals.keys()
        for key, (field, says) in refusals.items():
            assert refused[key][0] == field
            assert says in refused[key][1]
        assert self._holds("inbox") == {file.name: file.content for file in model.inbox.values()}
        assert self._holds("archive") == model.archive
        held = self._holds("quarantine")
        reports = {name for name in held if name.endswith(".error.json")}
        assert {name: held[name] for name in held.keys() - reports} == {
            name: file.content for name, file in model.quarantine.items()
        }
        assert reports == {f"{name}.error.json" for name in model.quarantine}

    def _holds(self, name: str) -> dict[str, bytes]:
        folder = self.folder / name
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def check_decisions(self, model: Model) -> None:
        """Every decision is there once, from where it was read; from the first look on, every figure."""
        with self.db.begin() as connection:
            rows = connection.exec_driver_sql("SELECT trade_id, source_name, source_line FROM scorekeeper.decision")
            found = {trade_id: (name, line) for trade_id, name, line in rows}
        assert found == {trade_id: one.place for trade_id, one in model.decisions.items()}
        if model.as_of is not None:
            received = {trade_id: one.received_at for trade_id, one in model.decisions.items()}
            agreement.check(self.db, model.scored(), model.as_of, received)

    def check_published(self, model: Model) -> None:
        """Published, both files equal a rebuild elsewhere, and tell of each decision and each exit once."""
        log, dataset = self.settings.log_path, self.settings.dataset_path
        publish.publish(self.db, log_path=log, dataset_path=dataset)
        again = self.folder / "again"
        publish.rebuild(self.db, log_path=again / log.name, dataset_path=again / dataset.name)
        for path in (log, dataset):
            assert path.read_bytes() == (again / path.name).read_bytes(), path.name
        said = Counter(
            (word, line.rpartition("[")[2].rstrip("]"))
            for line in log.read_text().splitlines()
            for word in ("DECISION", "OUTCOME")
            if f"] {word}: " in line
        )
        decided = Counter(("DECISION", trade_id) for trade_id in model.decisions)
        closed = Counter(("OUTCOME", trade_id) for trade_id, one in model.decisions.items() if one.exit is not None)
        assert said == decided + closed

    def check_recompute(self) -> None:
        """The product finds no difference either."""
        assert verify(self.db, self.settings) == []
