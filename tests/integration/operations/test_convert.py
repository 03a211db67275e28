"""Files of other systems, converted, taken from the inbox, and imported: what they say arrives, the rest is named."""

import csv
import gzip
import io
import json
import sqlite3
import zipfile
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.inbox.adapters import BY_NAME
from scorekeeper.inbox.adapters.mapping import MappingFile
from scorekeeper.inbox.places.folder import Folder
from scorekeeper.operations.convert import AskError, Converted, Options, convert
from scorekeeper.operations.convert_prices import PriceFolder
from scorekeeper.operations.import_dataset import import_dataset
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tests import foreign
from tests.foreign import EXAMPLES

NOW = datetime(2027, 1, 1, tzinfo=UTC)
UTC_ZONE, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
YAHOO = "Date,Open,High,Low,Close,Adj Close,Volume\n"


def put(folder: Path, name: str, document: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def run(source: Path, name: str, out: Path, options: Options | None = None, inbox: Path | None = None) -> Converted:
    adapter = MappingFile(Path(name).read_text()) if name.endswith(".toml") else BY_NAME[name]
    return convert([source], adapter, out, options or Options(), inbox or out / "elsewhere")


def lines_of(done: Converted) -> list[dict[str, Any]]:
    return [json.loads(line) for path in done.written for line in path.read_text().splitlines()]


def count(db: Database, query: str) -> list[tuple[Any, ...]]:
    with db.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_inbox_takes_the_files_of_other_systems_and_verify_reads_them_again(
    db: Database, settings: Settings
) -> None:
    wanted, lost = 0, 0
    for place, (name, example) in enumerate(EXAMPLES.items()):
        if example.exits or example.is_of_days or name in ("ai-hedge-fund saved", "TradingAgents state"):
            continue  # the inbox refuses them
        document = json.dumps(example.document)
        file = settings.inbox_dir / f"{place}.jsonl" if place % 2 else settings.inbox_dir / f"{place}.json"
        file.write_text(document + "\n")
        wanted += len(example.decisions)
        lost += example.lost
    done = ingest.ingest_files(db, settings, received_at=NOW)
    refused = {(one["field"], one["reason"]) for one in done.rejections}
    assert refused == set()
    assert (done.decisions, sum(done.skipped.values())) == (wanted, lost)
    assert done.skipped["nofx: wait of ALL: it names no symbol"] == 2
    assert list(settings.inbox_dir.iterdir()) == []
    assert not settings.quarantine_dir.exists()
    undated = count(db, "SELECT opened_at FROM scorekeeper.decision WHERE symbol = 'AAPL' AND action = 'SHORT'")
    assert (datetime.now(UTC) - undated[0][0]).total_seconds() < 600  # the time of its file
    assert verify(db, settings) == []
    again = ingest.ingest_files(db, settings, received_at=NOW, paths=list(settings.archive_dir.rglob("*.json*")))
    assert (again.decisions, again.duplicates) == (0, wanted)


def test_trades_with_their_own_exits_are_refused_by_the_inbox_and_imported_by_hand(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    backtest = put(settings.inbox_dir, "backtest.json", foreign.FREQTRADE)
    (settings.inbox_dir / "closed_trades.jsonl").write_text(json.dumps(foreign.AGENTRADER_CLOSED) + "\n")
    done = ingest.ingest_files(db, settings, received_at=NOW)
    assert (done.decisions, done.rejected) == (0, 2)
    assert all("scorekeeper import" in one["reason"] for one in done.rejections)
    assert not backtest.exists()

    log = tmp_path / "trade_log.jsonl"
    log.write_text("".join(f"{json.dumps(one)}\n" for one in (foreign.AGENTRADER_OPEN, foreign.AGENTRADER_END)))
    packed = tmp_path / "backtest.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("backtest.json", json.dumps(foreign.FREQTRADE))
        archive.writestr("backtest_config.json", json.dumps({"stake": NAN}))
        archive.writestr("strategy.py", "pass")
    for path, closed in ((packed, 2), (packed, 0), (log, 1), (write_database(tmp_path / "dryrun.sqlite"), 1)):
        imported = import_dataset(db, path, settings, NOW)
        assert (imported.rejected, imported.completed) == ([], closed), path.name
    exits = count(db, "SELECT symbol, exit_price, price_source, mfe_pct > 0 FROM scorekeeper.trade ORDER BY symbol")
    assert exits == [
        ("ADA/USDT", 0.55, "imported", True), ("BTC/USDT", 85904.19, "imported", True),
        ("DOT/USDT", None, None, None), ("ETH/BTC", 0.09477, "imported", True),
        ("XRP/USDT:USDT", 1.9, "imported", True),
    ]  # fmt: skip
    assert count(db, "SELECT DISTINCT version FROM scorekeeper.decision WHERE symbol LIKE 'X%'") == [("MyStrategy",)]


NAN = float("nan")


def write_database(path: Path) -> Path:
    """A database of a dry run, with the columns of freqtrade/persistence/trade_model.py that say what happened."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE trades (id INTEGER PRIMARY KEY, pair TEXT, is_open INTEGER, open_rate FLOAT, "
            "close_rate FLOAT, amount FLOAT, open_date DATETIME, close_date DATETIME, initial_stop_loss FLOAT, "
            "max_rate FLOAT, min_rate FLOAT, exit_reason TEXT, strategy TEXT, enter_tag TEXT, timeframe INTEGER, "
            "is_short INTEGER, leverage FLOAT)"
        )
        rows = [
            (1, "ADA/USDT", 0, 0.5, 0.55, 9.0, "2026-01-05 09:12:42.000000", "2026-01-05 10:00:00.000000", 0.45, 0.56,
             0.49, "roi", "Mine", "dip", 5, 0, 1.0),
            (2, "DOT/USDT", 1, 5.0, None, 9.0, "2026-01-05 11:00:00.000000", None, 4.5, 5.1, 4.9, None, "Mine", None, 5,
             0, 1.0),
        ]  # fmt: skip
        connection.executemany(f"INSERT INTO trades VALUES ({','.join('?' * 17)})", rows)
    return path


def test_a_table_of_trades_as_pandas_writes_it_keeps_their_sides_and_exits(tmp_path: Path) -> None:
    """The columns of freqtrade's load_backtest_data, written by to_csv: False is a word there."""
    table = tmp_path / "trades.csv"
    table.write_text(
        "pair,open_rate,close_rate,open_date,close_date,is_open,is_short,open_timestamp,trade_direction\n"
        "ETH/USDT,2000,2020,2024-01-10 07:35:00+00:00,2024-01-10 08:35:00+00:00,False,False,1704872100000,\n"
        "SOL/USDT,145,138,2024-01-10 07:35:00+00:00,2024-01-10 08:35:00+00:00,False,True,1704872100000,\n"
        "LTC/USDT,100,99,2024-01-10 07:35:00,2024-01-10 08:35:00,False,,1704872100,short\n"
        "XRP/USDT,1,,2024-01-10 07:35:00,,True,False,,\n"
    )
    done = run(table, "freqtrade", tmp_path / "out")
    assert {one["symbol"]: (one["type"], one.get("exit_price"), one["timestamp"][:10]) for one in lines_of(done)} == {
        "ETH/USDT": ("BUY", 2020, "2024-01-10"), "SOL/USDT": ("SHORT", 138, "2024-01-10"),
        "LTC/USDT": ("SHORT", 99, "2024-01-10"), "XRP/USDT": ("BUY", None, "2024-01-10"),
    }  # fmt: skip


def test_what_a_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    source = put(tmp_path / "src", "full_states_log.json", foreign.TRADING_AGENTS)
    with pytest.raises(AskError, match="--time, such as 16:00, and --timezone"):
        run(source, "tradingagents", tmp_path / "out")
    put(tmp_path / "log", "a.json", foreign.AGENTRADER_OPEN)
    with pytest.raises(AskError, match=r"say no zone .*--timezone"):
        run(tmp_path / "log", "agentrader", tmp_path / "out")
    with pytest.raises(ScorekeeperError, match="no such file"):
        run(tmp_path / "none", "nofx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_prices_come_from_a_folder_of_bars_at_the_time_of_the_decision(tmp_path: Path) -> None:
    state = foreign.TRADING_AGENTS["2026-03-24"] | {"final_trade_decision": "Rating: Sell"}
    days = {day: state | {"trade_date": day} for day in ("2026-03-20", "2026-03-23", "2026-03-28", "2026-04-20")}
    put(tmp_path / "src", "full_states_log.json", days)
    bars = tmp_path / "bars"
    bars.mkdir()
    rows = "2026-03-20,10,11,10,11,1,1\n2026-03-23,20,22,20,22,1,1\n2026-03-24,null,null,null,null,null,null\n"
    (bars / "GC=F.csv").write_text(YAHOO + rows)
    (bars / "odd.csv").write_text("when,what\n1,2\n")
    for at, prices in (("close", [11, 22, 22]), ("open", [10, 20, 22])):
        options = Options(NEW_YORK, time(16), None, PriceFolder(bars, at, NEW_YORK))  # type: ignore[arg-type]
        done = run(tmp_path / "src", "tradingagents", tmp_path / at, options)
        assert [one["price"] for one in lines_of(done)] == prices
        assert done.lost == {"SELL without a price: GC=F has none then in --prices": 1}
    assert lines_of(done)[0]["timestamp"] == "2026-03-20T16:00:00-04:00"
    assert run(tmp_path / "src", "tradingagents", tmp_path / "none", Options(NEW_YORK, time(16))).written == []

    minute = int(datetime(2026, 3, 20, 20, 0, tzinfo=UTC).timestamp() * 1000)
    with gzip.open(bars / "BTC-USDT.csv.gz", "wt") as file:
        file.write("timestamp,open,high,low,close,volume\n")
        file.writelines(f"{minute + place * 60_000},100,103,100,{100 + place},1\n" for place in range(3))
    found = PriceFolder(bars, "close", None)
    ended = {second: found.find("BTC/USDT", datetime(2026, 3, 20, 20, 1, second, tzinfo=UTC)) for second in (0, 59)}
    assert ended == {0: 100, 59: 100}
    assert found.find("BTC/USDT", datetime(2026, 3, 20, 20, 2, tzinfo=UTC)) == 101
    assert found.find("BTC/USDT", datetime(2026, 3, 20, 20, 0, tzinfo=UTC)) is None
    assert found.find("ETH/USDT", datetime(2026, 3, 20, 20, 0, tzinfo=UTC)) is None
    with pytest.raises(ScorekeeperError, match=r"odd\.csv: is no file of candles"):
        found.find("ODD", datetime(2026, 3, 20, 20, 0, tzinfo=UTC))


def test_prices_are_found_in_every_layout_of_a_replay_market(tmp_path: Path) -> None:
    """As the sites give them: Stooq's download and archive, yfinance's, Binance's months; newest first, and in UTC."""
    day = int(datetime(2026, 3, 20, tzinfo=UTC).timestamp() * 1000)
    files = {
        "aapl_us_d.csv": "Date,Open,High,Low,Close,Volume\n2026-03-23,20,22,20,22,1\n2026-03-20,10,11,10,11,1\n",
        "msft.us.txt": "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        "MSFT.US,D,20260320,000000,30,31,30,31,1,0\nMSFT.US,D,20260323,000000,32,33,32,33,1,0\n",
        "NVDA.csv": "Price,Close,High,Low,Open,Volume\nTicker,NVDA,NVDA,NVDA,NVDA,NVDA\nDate,,,,,\n"
        "2026-03-20,41,41,40,40,1\n2026-03-23,43,43,42,42,1\n",
        "BTCUSDT-1h-2026-03.csv": "".join(
            f"{(day + place * 3_600_000) * 1000},50,90,50,{50 + place},1,0,1,1,1,1,0\n" for place in range(30)
        ),
        "ETH-USDT.csv": "timestamp,open,high,low,close,volume\n"
        + "".join(f"{day + place * 86_400_000},60,69,60,{60 + place},1\n" for place in range(5)),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    found = PriceFolder(tmp_path, "close", NEW_YORK)
    at = datetime(2026, 3, 20, 20, 30, tzinfo=UTC)  # 16:30 in New York
    wanted = {"AAPL": 11, "MSFT": 31, "NVDA": 41, "BTCUSDT": 69, "BTC/USDT": 69, "ETH/USDT": None}
    assert {symbol: found.find(symbol, at) for symbol in wanted} == wanted
    assert found.find("ETH/USDT", datetime(2026, 3, 21, tzinfo=UTC)) == 60  # a day of a crypto market ends at midnight


def test_the_reports_of_a_command_line_are_a_decision_of_their_folder(tmp_path: Path) -> None:
    reports = tmp_path / "results" / "VST" / "2026-03-23" / "reports"
    reports.mkdir(parents=True)
    (reports / "final_trade_decision.md").write_text("## Decision\n\n**Rating**: Underweight\n\nNo Buy yet.")
    (reports / "trader_investment_plan.md").write_text("FINAL TRANSACTION PROPOSAL: **SELL**")
    (reports / "market_report.md").write_text("Nothing proposed.")
    options = Options(NEW_YORK, time(16), 100.0)
    (decision,) = lines_of(run(tmp_path / "results", "tradingagents", tmp_path / "out", options))
    assert (decision["symbol"], decision["type"], decision["price"]) == ("VST", "UNDERWEIGHT", 100)
    assert {name: said["signal"] for name, said in decision["agent_analyses"].items()} == {
        "Trader": "SELL", "PortfolioManager": "UNDERWEIGHT",
    }  # fmt: skip
    reports.rename(tmp_path / "loose")
    assert len(run(tmp_path / "loose", "tradingagents", tmp_path / "out", options).unread) == 1


def test_converted_files_go_into_the_inbox_once_whatever_the_order(db: Database, settings: Settings) -> None:
    source = settings.inbox_dir.parent / "logs"
    put(source, "b.json", foreign.NOFX)
    put(source, "a.json", foreign.NOFX | {"cycle_number": 42})
    (source / "c.json").write_text("{broken")
    put(source, "d.json", {"other": 1})
    first = run(source, "nofx", settings.inbox_dir, inbox=settings.inbox_dir)
    assert (first.files, first.known, first.decisions, first.repeated) == (4, 2, 8, 0)
    assert len(first.unread) == len(first.others) == 1
    content = first.written[0].read_bytes()
    (source / "a.json").rename(source / "e.json")
    assert run(source, "nofx", settings.inbox_dir, inbox=settings.inbox_dir).written == first.written
    assert first.written[0].read_bytes() == content
    done = ingest.ingest_files(db, settings, received_at=NOW)
    assert (done.decisions, done.rejected, done.opened) == (8, 0, 2)
    assert verify(db, settings) == []


def test_trades_that_bring_exits_are_never_written_into_the_inbox(settings: Settings) -> None:
    source = put(settings.inbox_dir.parent / "bt", "backtest.json", foreign.FREQTRADE)
    with pytest.raises(ScorekeeperError, match="scorekeeper import"):
        run(source, "freqtrade", settings.inbox_dir / "below", inbox=settings.inbox_dir)
    assert list(settings.inbox_dir.iterdir()) == []


MAPPING = """
decisions = "data.calls"

[fields]
symbol = "ticker"
type = "call.side"
price = "call.px"
timestamp = "at"
confidence = "p"

[constants]
version = "mine"

[words.type]
"1" = "BUY"
"-1" = "SELL"

[scale]
confidence = 100

[agents]
from = "votes"
name = "who"
signal = "vote"
"""


def test_a_mapping_file_reads_any_other_system(tmp_path: Path) -> None:
    call = {
        "ticker": 600519, "call": {"side": -1, "px": 1500.5}, "at": "2026-01-05T10:00:00+08:00", "p": 0.29,
        "votes": [{"who": "News", "vote": "bearish", "confidence": 60}, {"who": "Chart", "vote": "bullish"}],
        "mood": "dark", "type": "stock",
    }  # fmt: skip
    put(tmp_path / "src", "a.json", {"data": {"calls": [call, "no object"]}})
    (tmp_path / "map.toml").write_text(MAPPING)
    done = run(tmp_path / "src", str(tmp_path / "map.toml"), tmp_path / "out")
    assert lines_of(done) == [
        {
            "mood": "dark", "version": "mine", "symbol": "600519", "type": "SELL", "price": 1500.5,
            "timestamp": "2026-01-05T10:00:00+08:00", "confidence": 29.0,
            "agent_analyses": {"News": {"signal": "bearish", "confidence": 60}, "Chart": {"signal": "bullish"}},
        }
    ]  # fmt: skip
    assert sum(done.lost.values()) == 1


def test_a_mapping_reads_tables_and_objects_by_symbol(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[fields]\nsymbol = "Ticker"\ntype = "Side"\nprice = "Px"\ntimestamp = "At"\n')
    rows = [{"Ticker": "0700.HK", "Side": "long", "Px": "300.5", "At": "2026-01-05T10:00:00Z"}]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.csv").write_text(table.getvalue())
    pq.write_table(pa.Table.from_pylist([rows[0] | {"Px": 300.5}]), tmp_path / "src" / "b.parquet")
    done = run(tmp_path / "src", str(tmp_path / "map.toml"), tmp_path / "out")
    assert (done.decisions, done.repeated) == (1, 1)
    assert lines_of(done)[0]["price"] == 300.5

    (tmp_path / "keys.toml").write_text('key = "symbol"\n[fields]\ntype = "a"\ntimestamp = "t"\n')
    put(tmp_path / "keys", "a.json", {"AAPL": {"a": "HOLD", "t": "2026-01-05T10:00:00Z"}})
    assert lines_of(run(tmp_path / "keys", str(tmp_path / "keys.toml"), tmp_path / "out"))[0]["symbol"] == "AAPL"


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("[fields", "no TOML"), ('[fields]\nsymbol = "a"\n', "no symbol or no type"), ("[field]\n", "'field'"),
        ('[fields]\nsymbol = "a"\ntype = 1\n', "no path"), ('[fields]\nticker = "a"\n', "'ticker'"),
        ('[fields]\nsymbol = "a"\ntype = "b"\n[scale]\nprice = "x"\n', "no number"),
        ('[fields]\nsymbol = "a"\ntype = "b"\n[words.kind]\na = "b"\n', "'kind'"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_used_says_what_is_wrong(mapping: str, says: str) -> None:
    with pytest.raises(ScorekeeperError, match=says):
        MappingFile(mapping)


def test_tables_in_the_inbox_are_read_and_a_csv_is_followed(db: Database, settings: Settings) -> None:
    head = "symbol,type,price,timestamp,agent.Tech.signal,agent.Tech.confidence\n"
    row = "BTC/USDT,BUY,{},2026-01-05T10:00:00Z,bullish,80\n"
    held = settings.inbox_dir / "held.csv"
    with held.open("w") as writer:
        writer.write(head + row.format(1) + row.format(2)[:20])
        writer.flush()
        done = ingest.ingest_files(db, settings, received_at=NOW)
        assert (done.decisions, done.held) == (1, ["held.csv"])
        writer.write(row.format(2)[20:] + row.format("x"))
        writer.flush()
        done = ingest.ingest_files(db, settings, received_at=NOW)
        assert (done.decisions, done.rejected) == (1, 1)
    made = datetime(2026, 1, 5, 10, tzinfo=UTC)
    records = [
        {"symbol": "ETH/USDT", "type": "SELL", "price": 3.5, "timestamp": made, "agent.Tech.signal": "bearish"},
        {"symbol": "ETH/USDT", "type": "HOLD", "price": NAN, "timestamp": made, "agent.Tech.signal": None},
    ]
    pq.write_table(pa.Table.from_pylist(records), settings.inbox_dir / "a.parquet")
    done = ingest.ingest_files(db, settings, received_at=NOW)
    assert (done.decisions, done.rejected, done.waiting, done.held) == (2, 0, [], [])
    assert [path.name.split("-")[0] for path in settings.quarantine_dir.rglob("*.csv")] == ["held"]
    signals = count(db, "SELECT agent, direction, confidence FROM scorekeeper.agent_signal ORDER BY direction")
    assert signals == [("Tech", -1, None), ("Tech", 1, 80), ("Tech", 1, 80)]
    assert verify(db, settings) == []
    moved = count(db, "SELECT destination FROM scorekeeper.file_arrival WHERE name = 'a.parquet'")
    assert moved[0][0].endswith(".parquet")


def test_the_candles_of_a_replay_market_in_the_inbox_are_no_decisions(settings: Settings) -> None:
    market = settings.inbox_dir / "market"
    market.mkdir()
    for folder in (market, settings.inbox_dir):
        (folder / "BTC-USDT.csv").write_text("timestamp,open,high,low,close,volume\n")
    replaying = load_settings(market=f"replay:{market}")
    assert Folder(replaying).look() == [str(settings.inbox_dir / "BTC-USDT.csv")]
    assert len(Folder(settings).look()) == 2
