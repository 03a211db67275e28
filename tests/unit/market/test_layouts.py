"""Candle files as people have them: Yahoo's, Stooq's and Binance's, by the declared layout, along a calendar or not.

The forms are those of public files: github.com/ranaroussi/yfinance writes three header lines, the site one; stooq.com
has English and Polish downloads and text archives; data.binance.vision has files with and without a header.
"""

import asyncio
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import Bars, CandleFileError, CandlePage
from scorekeeper.market.base import LENGTHS
from scorekeeper.market.replay import ReplayMarket

SITE = "Date,Open,High,Low,Close,Adj Close,Volume\n"
# The day after Thanksgiving closes at 13:00 in New York; winter time has begun.
WEEK = [
    "2024-11-25,100.0,103.0,99.0,102.0,101.5,1000",
    "2024-11-26,102.0,104.0,101.0,103.0,102.5,2000",
    "2024-11-27,103.0,103.5,100.0,101.0,100.5,1500",
    "2024-11-29,101.0,102.0,100.5,101.5,101.0,700",
]
CLOSES = [102.0, 103.0, 101.0, 101.5]
LATER = datetime(2025, 1, 2, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read(folder: Path, symbol: str, layout: str, length: str = "1d", calendar: str = "XNYS") -> CandlePage:
    market = ReplayMarket(str(folder), 5, bars=Bars.of(length, calendar), layout=layout)
    return asyncio.run(market.candles(symbol, at("2024-01-01"), LATER, LATER))


def say(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def yfinance(rows: list[str], ticker: str = "AAPL") -> str:
    """Its own order of columns, below three header lines."""
    head = f"Price,Close,High,Low,Open,Volume\nTicker{f',{ticker}' * 5}\nDate,,,,,\n"
    cut = [row.split(",") for row in rows]
    return head + "".join(f"{d},{c},{h},{low},{o},{v}\n" for d, o, h, low, c, _, v in cut)


def archive(rows: list[str], ticker: str = "AAPL.US") -> str:
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\r\n"
    cut = [row.split(",") for row in rows]
    return head + "".join(
        f"{ticker},D,{d.replace('-', '')},000000,{o},{h},{low},{c},{v},0\r\n" for d, o, h, low, c, _, v in cut
    )


SIX = [",".join((*row.split(",")[:5], row.split(",")[6])) for row in WEEK]


@pytest.mark.parametrize(
    ("layout", "name", "content"),
    [
        ("yahoo", "AAPL.csv", SITE + "\n".join(WEEK) + "\n"),
        ("yahoo", "aapl.csv", "\ufeff" + SITE + "\r\n".join(WEEK)),
        ("yahoo", "AAPL.csv", SITE + "\n".join(WEEK[::-1]) + "\n\n"),
        ("yahoo", "AAPL.csv", yfinance(WEEK)),
        (
            "yahoo", "AAPL.csv",
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
            + "".join(f"{row.replace(',', ' 00:00:00-05:00,', 1)},0.0,0.0\n" for row in SIX),
        ),
        ("yahoo", "AAPL.csv", "# Stock data for AAPL\n# Total records: 4\n\n" + SITE + "\n".join(WEEK) + "\n"),
        ("stooq", "aapl_us_d.csv", "Date,Open,High,Low,Close,Volume\n" + "\n".join(SIX) + "\n"),
        ("stooq", "aapl_us_d.csv", "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n" + "\n".join(SIX) + "\n"),
        ("stooq", "aapl.us.txt", archive(WEEK)),
        ("stooq", "AAPL.csv", "Date,Open,High,Low,Close\n" + "\n".join(row.rpartition(",")[0] for row in SIX) + "\n"),
    ],
)  # fmt: skip
def test_a_file_of_days_gives_the_sessions_of_its_calendar(
    tmp_path: Path, layout: str, name: str, content: str
) -> None:
    say(tmp_path, name, content)
    page = read(tmp_path, "AAPL", layout)
    found = page.candles
    assert list(found["close"]) == CLOSES
    opens = [at(f"2024-11-{day} 14:30") for day in (25, 26, 27, 29)]
    assert [one.to_pydatetime() for one in found["minute_at"]] == opens
    ends = [at("2024-11-25 21:00"), at("2024-11-26 21:00"), at("2024-11-27 21:00"), at("2024-11-29 18:00")]
    assert [one.to_pydatetime() for one in found["ends_at"]] == ends
    assert page.sealed_until == ends[-1]
    assert "ends at 2024-11-29 18:00 UTC" in str(page.ends)
    utc = read(tmp_path, "AAPL", layout, calendar="")
    assert [one.to_pydatetime() for one in utc.candles["minute_at"]] == [one.replace(hour=0, minute=0) for one in opens]
    assert utc.sealed_until == at("2024-11-30")


def test_a_halted_day_has_no_candle_and_a_download_during_a_session_no_last_one(tmp_path: Path) -> None:
    halted = [WEEK[0], "2024-11-26,null,null,null,null,null,null", *WEEK[2:]]
    path = say(tmp_path, "AAPL.csv", SITE + "\n".join(halted) + "\n")
    assert list(read(tmp_path, "AAPL", "yahoo").candles["close"]) == [102.0, 101.0, 101.5]
    during = at("2024-11-29 17:59").timestamp()
    os.utime(path, (during, during))
    page = read(tmp_path, "AAPL", "yahoo")
    assert list(page.candles["close"]) == [102.0, 101.0]
    assert page.sealed_until == at("2024-11-27 21:00")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (SITE + WEEK[0] + "\n2024-11-28,1,1,1,1,1,1\n", "line 3: 2024-11-28 00:00 UTC is no session of CALENDAR=XNYS"),
        (SITE + WEEK[0] + "\n2024-11-26,102,null,101,103,1,1\n", "line 3: high: 'null' is not a number"),
        (SITE + WEEK[1] + "\n" + WEEK[0] + "\n" + WEEK[2] + "\n", "line 3: timestamp: not after the line before"),
        (SITE + "2024-11-25,100,90,80,95,95,1\n", "line 2: high is below"),
        (SITE + "25.11.2024,100,100,80,95,95,1\n", "line 2: '25.11.2024' is no date such as"),
        (SITE + "2024-11-25,100,100\n", "line 2: 3 columns instead of 7"),
        ("Date,Close\n2024-11-25,1\n", "line 1: the header lacks open, high, low"),
        ("Price,Close,Close,High\nTicker,AAPL,MSFT,AAPL\n", "line 2: the header must name one ticker"),
        (SITE.encode() + b"2024-11-25,\xff\n", "line 2: not UTF-8"),
    ],
)
def test_what_a_file_of_days_cannot_hold_is_refused_by_its_line(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    path = say(tmp_path, "AAPL.csv", content)
    with pytest.raises(CandleFileError) as refused:
        read(tmp_path, "AAPL", "yahoo")
    assert str(refused.value).startswith(f"{path}: {says}")


def test_a_file_from_the_last_century_is_read_from_2000_on(tmp_path: Path) -> None:
    old = ["1962-01-02,1,1,1,1,1,1", "1999-12-31,1,1,1,1,1,1"]
    say(tmp_path, "AAPL.csv", SITE + "\n".join(old + WEEK) + "\n")
    assert list(read(tmp_path, "AAPL", "yahoo").candles["close"]) == CLOSES


def test_prices_that_yahoo_rounds_apart_are_one_price(tmp_path: Path) -> None:
    say(tmp_path, "AAPL.csv", SITE + "2024-11-25,10.0,10.500000,9.9,10.500001,10.1,5\n")
    assert read(tmp_path, "AAPL", "yahoo").candles["high"].iloc[0] == 10.500001


def dump(start: datetime, count: int, minutes: int, *, unit: int = 1_000) -> str:
    stamps = [int((start + k * timedelta(minutes=minutes)).timestamp()) * unit for k in range(count)]
    return "".join(f"{one},100.0,101.0,99.0,{100 + k % 2},7.5,{one + 1},1,2,3,4,0\n" for k, one in enumerate(stamps))


def test_binances_files_follow_each_other_whatever_their_header_unit_and_packing(tmp_path: Path) -> None:
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,x,ignore\n"
    say(tmp_path, "BTCUSDT-4h-2024-11.csv", header + dump(at("2024-11-01"), 180, 240))
    with zipfile.ZipFile(tmp_path / "BTCUSDT-4h-2024-12.zip", "w") as packed:
        packed.writestr("BTCUSDT-4h-2024-12.csv", dump(at("2024-12-01"), 186, 240))
    say(tmp_path, "BTCUSDT-4h-2025-01-01.csv", dump(at("2025-01-01"), 6, 240, unit=1_000_000))
    say(tmp_path, "BTCUSDT-1m-2024-11.csv", dump(at("2024-11-01"), 30, 1))
    page = read(tmp_path, "BTC/USDT", "binance", "4h", "")
    assert (len(page.candles), page.sealed_until, page.ends) == (180 + 186 + 6, LATER, None)
    assert page.candles["minute_at"].is_monotonic_increasing
    minutes = read(tmp_path, "BTC/USDT", "binance", "1m", "")
    assert (len(minutes.candles), minutes.sealed_until) == (30, at("2024-11-01 00:30"))
    (tmp_path / "BTCUSDT-4h-2024-12.zip").unlink()
    with pytest.raises(CandleFileError, match=r"between BTCUSDT-4h-2024-11\.csv and BTCUSDT-4h-2025-01-01\.csv a file"):
        read(tmp_path, "BTC/USDT", "binance", "4h", "")


def test_hours_of_a_session_begin_with_it_and_the_last_is_cut_short(tmp_path: Path) -> None:
    opens = ["09:30", "10:30", "11:30", "12:30"]
    rows = [f"2024-11-29 {one}:00-05:00,100,101,99,100,100,10\n" for one in opens]
    say(tmp_path, "AAPL.csv", SITE.replace("Date", "Datetime") + "".join(rows))
    found = read(tmp_path, "AAPL", "yahoo", "1h").candles
    assert [f"{one:%H:%M}" for one in found["minute_at"]] == ["14:30", "15:30", "16:30", "17:30"]
    assert [f"{one:%H:%M}" for one in found["ends_at"]] == ["15:30", "16:30", "17:30", "18:00"]
    say(tmp_path, "AAPL.csv", SITE + "2024-11-29 04:00:00-05:00,100,101,99,100,100,10\n")
    with pytest.raises(CandleFileError, match=r"line 2: 2024-11-29 09:00 UTC opens no candle of CALENDAR=XNYS"):
        read(tmp_path, "AAPL", "yahoo", "1h")
    say(tmp_path, "AAPL.csv", SITE + "2024-11-29 09:30:00,100,101,99,100,100,10\n")
    with pytest.raises(CandleFileError, match="says no offset from UTC"):
        read(tmp_path, "AAPL", "yahoo", "1h")


def test_stooqs_files_are_read_by_the_day_alone(tmp_path: Path) -> None:
    with pytest.raises(ScorekeeperError, match="set CANDLE_LENGTH=1d"):
        ReplayMarket(str(tmp_path), 5, bars=Bars.of("1h"), layout="stooq")


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("calendar", ["", "XNYS", "XTKS", "XASX"])
def test_candles_follow_each_other_and_none_ends_before_it_is_said_to(length: str, calendar: str) -> None:
    bars, moment, last = Bars.of(length, calendar), at("2024-11-20 13:07"), None
    for _ in range(60):
        span = bars.next_span(moment)
        assert span is not None
        assert moment < span.ends_at
        assert span.ends_at <= span.opens_at + bars.length
        assert last is None or span.opens_at >= last.ends_at
        assert bars.span(span.opens_at) == span
        assert bars.quiet_until(span.opens_at) == span.ends_at - timedelta(minutes=1)
        assert bars.start_of(span.ends_at - timedelta(microseconds=1)) == span.opens_at
        moment, last = span.ends_at, span
