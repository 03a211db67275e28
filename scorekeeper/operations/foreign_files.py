"""The documents in the files of other systems: JSON, lines of JSON, tables, freqtrade's archives and its database."""

import csv
import gzip
import io
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.inbox.formats.parquet import NO_PYARROW
from scorekeeper.inbox.formats.tables import as_plain, read_number

LARGEST_FILE = 512 << 20
LINES, DOCUMENTS, TABLES = (".jsonl", ".ndjson", ".jsonlines"), (".json",), (".csv", ".tsv")
DATABASES = (".sqlite", ".sqlite3", ".db")
# The report of TradingAgents' command line with the final decision: TICKER/DATE/reports/ holds one for each part.
REPORT = "final_trade_decision.md"
_REPORTS = (
    "market_report", "sentiment_report", "news_report", "fundamentals_report", "investment_plan",
    "trader_investment_plan", "final_trade_decision",
)  # fmt: skip
SUFFIXES = (*LINES, *DOCUMENTS, *TABLES, ".parquet", ".zip", *DATABASES)


def list_files(paths: list[Path]) -> list[Path]:
    """The named files, and those of the named folders and below that may hold documents, in order of their names.

    Raises ScorekeeperError if one does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += [one for one in sorted(path.rglob("*")) if _may_hold(one) and one.is_file()]
        elif path.is_file():
            files.append(path)
        else:
            raise ScorekeeperError(f"{path}: there is no such file or folder")
    return files


def read_documents(path: Path) -> Iterator[tuple[int, Any]]:
    """The documents of a file, each with its line, or its place in the file. Raises ScorekeeperError.

    A table has a document a row. freqtrade's database has one, with all its trades.
    """
    try:
        suffix = _suffix(path)
        if suffix in DATABASES:
            yield 1, _read_database(path)
        elif path.name == REPORT:
            yield 1, _read_reports(path)
        elif suffix == ".zip":
            yield from enumerate(_read_archive(path), 1)
        elif suffix == ".parquet":
            yield from enumerate(_read_parquet(path), 1)
        elif suffix in TABLES:
            yield from enumerate(_read_table(read_bytes(path)), 1)
        elif suffix in LINES:
            yield from _read_lines(read_bytes(path))
        else:
            yield 1, parse_json(read_bytes(path))
    except OSError as exc:
        raise ScorekeeperError(f"{path}: cannot be read: {explain(exc)}") from None
    except (ValueError, RecursionError, EOFError, zlib.error, zipfile.BadZipFile, sqlite3.Error) as exc:
        raise ScorekeeperError(f"{path}: {' '.join(str(exc).split())[:200]}") from None


def parse_json(content: bytes) -> Any:
    """The value of a JSON text, NaN included, which freqtrade writes. Raises ValueError."""
    body = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        pass
    try:
        return json.loads(body)
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc}") from None


def _may_hold(path: Path) -> bool:
    return path.name == REPORT or _suffix(path) in SUFFIXES


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_bytes(path: Path) -> bytes:
    """The decompressed bytes of a file. Raises OSError, ValueError."""
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE >> 20} MiB")
    return content


def _read_lines(content: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield number, parse_json(line)
            except ValueError as exc:
                raise ValueError(f"line {number}: {exc}") from None


def _read_table(content: bytes) -> Iterator[dict[str, Any]]:
    text = content.decode("utf-8-sig")
    mark = max(",;\t|", key=text.partition("\n")[0].count)
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, strict=True):
        yield {name: read_number(cell.strip()) for name, cell in row.items() if name and isinstance(cell, str) and cell}


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ScorekeeperError(f"{path}: {NO_PYARROW}") from None
    for batch in parquet.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            yield {name: plain for name, value in row.items() if (plain := as_plain(value)) is not None}


def _read_archive(path: Path) -> Iterator[Any]:
    """The JSON files in an archive, as freqtrade writes one for each backtest."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.lower().endswith(".json"):
                if member.file_size > LARGEST_FILE:
                    raise ValueError(f"{member.filename} is larger than {LARGEST_FILE >> 20} MiB")
                yield parse_json(archive.read(member))


def _read_reports(path: Path) -> dict[str, Any]:
    """The reports of a run as its state: the folders say the ticker and the day."""
    ticker, day = path.absolute().parts[-4:-2]
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
        raise ValueError(f"lies in no folder TICKER/DATE/{path.parent.name}, which says what it is about")
    reports = {name: path.with_name(f"{name}.md") for name in _REPORTS}
    texts = {name: read_bytes(report).decode("utf-8-sig") for name, report in reports.items() if report.is_file()}
    return {"company_of_interest": ticker, "trade_date": day} | texts


def _read_database(path: Path) -> dict[str, Any]:
    """The trades of freqtrade's database, as its API tells them."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM trades ORDER BY id")]
    return {"trades": rows, "trades_count": len(rows)}
