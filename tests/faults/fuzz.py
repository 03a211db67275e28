"""A coverage-guided fuzzer on the file reader: whatever bytes a file holds, it is decisions or a reason.

uv run --group fuzz python -m tests.faults.fuzz --inputs 1000000 [--seed S] [--keep FOLDER]: ends with a status other
than 0 at an exception that is no refusal, at an input that takes over a second, and at 500 MB of memory. It starts from
the files in tests/faults/hostile; what it finds belongs there too.
"""

import argparse
import gzip
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

HOSTILE = Path(__file__).with_name("hostile")
NAMES = ("a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz")
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def read_file(folder: Path, name: str, content: bytes) -> Iterator[str]:
    """Each decision's trade_id or the reason why there is none, as ingesting finds them; other exceptions are faults.

    What is not text that a database takes raises UnicodeEncodeError or ValueError.
    """
    from scorekeeper.decisions.decision import DecisionContext
    from scorekeeper.decisions.parse import parse_decision
    from scorekeeper.decisions.strict_json import DecisionError
    from scorekeeper.inbox.formats.base import FileError
    from scorekeeper.inbox.places import local_files

    path = folder / name
    path.write_bytes(content)
    source = local_files.open_source(path)
    assert source is not None
    context = DecisionContext(RECEIVED_AT, "v1", 60, ZoneInfo("UTC"), source.mtime)
    try:
        texts = [entry.text for entry in source.format.read(source) if entry.error is None]
    except FileError as refused:
        yield refused.reason
        return
    for text in texts:
        try:
            decision = parse_decision(text, context=context)
        except DecisionError as refused:
            yield refused.reason
        else:
            stored = repr((decision.symbol, decision.action, decision.version)) + (decision.reason or "")
            if "\0" in decision.trade_id + stored:
                raise ValueError("text with NUL came through")
            (decision.trade_id + stored).encode()
            yield decision.trade_id


def main() -> int:
    import atheris  # its own dependency group: nothing else needs it

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for inputs that reach something new, to go on from")
    given = parser.parse_args()
    with atheris.instrument_imports():
        from scorekeeper.decisions import parse, strict_json  # noqa: F401
        from scorekeeper.inbox.formats import json_document, json_lines  # noqa: F401
    with tempfile.TemporaryDirectory(prefix="scorekeeper-fuzz-") as home:
        folder, corpus = Path(home), given.keep or Path(home) / "corpus"
        corpus.mkdir(exist_ok=True)
        for path in HOSTILE.iterdir():
            kind = next((n for n, name in enumerate(NAMES) if path.name.endswith(name[1:])), None)
            if kind is not None:
                (corpus / f"seed-{path.name}").write_bytes(bytes([kind]) + path.read_bytes())

        def one(content: bytes) -> None:
            kind, body = content[0] if content else 0, content[1:]
            name = NAMES[kind % len(NAMES)]
            # Half of the compressed ones are whole archives: else nearly all would end at the first byte.
            whole = name.endswith(".gz") and kind & 0x80
            for _ in read_file(folder, name, gzip.compress(body, 1) if whole else body):
                pass

        words = [
            sys.argv[0], str(corpus), f"-runs={given.inputs}", f"-seed={given.seed}", "-timeout=1",
            "-rss_limit_mb=500", "-max_len=4096", f"-artifact_prefix={Path.cwd()}/",
        ]  # fmt: skip
        atheris.Setup(words, one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
