"""Symbols as the market lists them, and what a spelling means where it does."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.symbols import Listing, is_certain, plain_symbol, read_stem, spell, stem_of, unify_symbol
from scorekeeper.market import UnknownSymbolError
from scorekeeper.market.replay import ReplayMarket

HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    "symbol",
    ["币安人生/USDT", "XYZ-TSLA/USDC:USDC", "BTC/USDT:USDT-250926", "BTC/USD:BTC-250926-60000-C", "1000SATS/USDT",
     "AAPL", "BRK.B", "BRK-B", "0700.HK", "GC=F", "^GSPC", "EURUSD=X", "XYZ:TSLA", "BTC-USDT-SWAP", "BINANCE:BTCUSDT",
     "$PAC/USDT", "FTT(OLD)/USDT", "ÉTOILE/EUR", "हिन्दी/INR", "שקל/USD"],
)  # fmt: skip
def test_what_ccxt_and_tickers_spell_is_taken_as_it_is(symbol: str) -> None:
    assert spell(symbol) == symbol
    assert plain_symbol(symbol) == plain_symbol(f" {symbol} ")


@pytest.mark.parametrize(
    "raw",
    ["", " ", "/", "BTC/", "/USDT", "BTC//USDT", "A/B/C", ":X", "BTC USDT", "../../etc/passwd", "..", "-/-",
     "BTC\tUSDT", "BTC\nUSDT", "ＢＴＣ/USDT", "BTC／USDT", "ſOL/USDT", "ﬁ/USDT", "Ⅻ/USDT", "BTC\u202e/USDT",
     "BTC\u200b/USDT",
     "BTC\u2066/USDT", "E\u0301TOILE/EUR", "BTC\0/USDT", "BTC\ud800/USDT", "BTC\\USDT", "<b>/USDT", "BTC|USDT",
     "BTC,ETH", "`BTC`", '"BTC"', "%2e%2e"],
)  # fmt: skip
def test_what_cannot_be_a_symbol_or_looks_like_another_is_refused(raw: str) -> None:
    for read in (spell, unify_symbol, plain_symbol):
        with pytest.raises(ValueError, match="not a symbol"):
            read(raw)


@pytest.mark.parametrize(
    ("raw", "unified", "plain"),
    [("BTCUSDT", "BTC/USDT", "BTCUSDT"), ("btc-usdt", "BTC/USDT", "BTCUSDT"), ("BTC_USDT", "BTC/USDT", "BTCUSDT"),
     ("BTC/USDT:USDT", "BTC/USDT:USDT", "BTCUSDTUSDT"), ("BTC/USDT:USDT-250926", "BTC/USDT:USDT-250926",
     "BTCUSDTUSDT-250926"), ("WBTC", "WBTC", "WBTC"), ("STETH", "STETH", "STETH"), ("AAPL", "AAPL", "AAPL"),
     ("btctusd", "BTC/TUSD", "BTCTUSD"), ("币安人生USDT", "币安人生/USDT", "币安人生USDT"),
     ("xyz:TSLA", "XYZ:TSLA", "XYZTSLA"),
     ("BTC-USDT-SWAP", "BTC-USDT-SWAP", "BTCUSDTSWAP")],
)  # fmt: skip
def test_by_custom_a_known_quote_is_parted_and_the_id_hangs_on_the_spelling_alone(
    raw: str, unified: str, plain: str
) -> None:
    assert (unify_symbol(raw), plain_symbol(raw)) == (unified, plain)


SPOT = Listing(
    {
        "BTC/USDT": ["BTCUSDT"], "WBTC/USDT": ["WBTCUSDT"], "币安人生/USDT": [], "BTC/USD": ["XXBTZUSD"],
        "BTC/USDT:USDT": ["BTCUSDT"], "HYPE/USDT:USDT": ["HYPEUSDT"], "ETH/USD:ETH": [], "AB/CDE": [], "ABC/DE": [],
        "XYZ-TSLA/USDC:USDC": ["xyz:TSLA"], "AAPL": [],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "symbol"),
    [("BTCUSDT", "BTC/USDT"), ("BTC-USDT", "BTC/USDT"), ("BTC_USDT", "BTC/USDT"), ("WBTC", None),
     ("币安人生USDT", "币安人生/USDT"), ("XXBTZUSD", "BTC/USD"), ("HYPEUSDT", "HYPE/USDT:USDT"),
     ("HYPE-USDT", "HYPE/USDT:USDT"), ("ETHUSD", "ETH/USD:ETH"), ("ABCDE", None), ("XYZ:TSLA", "XYZ-TSLA/USDC:USDC"),
     ("XYZ-TSLA-USDC", "XYZ-TSLA/USDC:USDC"), ("AAPL", "AAPL"), ("MSFT", None), ("BTC-USDT-SWAP", None),
     ("BINANCE:BTCUSDT", None)],
)  # fmt: skip
def test_a_word_is_parted_only_where_the_market_lists_the_one_result(word: str, symbol: str | None) -> None:
    assert SPOT.read(word) == symbol


PARTS = st.text("ABC币1", min_size=2, max_size=4)


@given(base=st.lists(PARTS, min_size=1, max_size=2).map("-".join), quote=PARTS, others=st.sets(st.tuples(PARTS, PARTS)))
def test_whatever_is_listed_is_found_by_every_spelling_that_means_nothing_else(
    base: str, quote: str, others: set[tuple[str, str]]
) -> None:
    listed = {f"{base}/{quote}", *("/".join(pair) for pair in others)}
    listing = Listing(dict.fromkeys(listed, ()))
    for spelling in (f"{base}-{quote}", f"{base}_{quote}", f"{base}{quote}"):
        read = listing.read(spelling)
        letters = spelling.replace("-", "").replace("_", "")
        assert read is None or (read in listed and read.replace("/", "").replace("-", "") == letters)
    assert listing.read(f"{base}/{quote}") == f"{base}/{quote}"
    assert Listing({f"{base}/{quote}": ()}).read(f"{base}_{quote}") == f"{base}/{quote}"


@pytest.mark.parametrize(
    "symbol", ["BTC/USDT", "BTC/USDT:USDT", "XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC", "ETH/USD:ETH", "币安人生/USDT",
               "AAPL", "BTC/USDT:USDT-250926", "BTC/USD:BTC-250926-60000-C", "BRK-B", "BTC-USDT-SWAP"],
)  # fmt: skip
def test_the_name_of_a_file_says_which_symbol_it_holds(symbol: str) -> None:
    assert read_stem(stem_of(symbol)) == symbol


def read(folder: Path, *words: str) -> dict[str, str]:
    return asyncio.run(ReplayMarket(str(folder), 5).read_spellings(words))


def find(folder: Path, symbol: str) -> str:
    (path,) = ReplayMarket(str(folder), 5)._find(symbol)
    return path.name


def test_a_folder_lists_what_its_files_are_named(tmp_path: Path) -> None:
    held = ("BTC-USDT", "币安人生-USDT", "XYZ-TSLA-USDC-USDC", "AAPL", "GC=F", "BRK-B", "btc-usd", "HYPE-USDT-USDT")
    for name in held:
        (tmp_path / f"{name}.csv").write_text(HEADER)
    words = ("BTCUSDT", "BTC-USDT", "BTC_USDT", "币安人生USDT", "WBTC", "AAPL", "HYPEUSDT", "BTCUSD", "BRK-B")
    assert read(tmp_path, *words) == {
        "BTCUSDT": "BTC/USDT", "BTC-USDT": "BTC/USDT", "BTC_USDT": "BTC/USDT", "币安人生USDT": "币安人生/USDT",
        "AAPL": "AAPL", "HYPEUSDT": "HYPE/USDT:USDT", "BTCUSD": "BTC/USD", "BRK-B": "BRK-B",
    }  # fmt: skip
    assert [find(tmp_path, one) for one in ("币安人生/USDT", "XYZ-TSLA/USDC:USDC", "GC=F", "BTC/USD")] == [
        "币安人生-USDT.csv", "XYZ-TSLA-USDC-USDC.csv", "GC=F.csv", "btc-usd.csv"
    ]  # fmt: skip
    with pytest.raises(UnknownSymbolError, match=r"has no X+\.csv"):
        find(tmp_path, "X" * 300)


def test_two_symbols_that_would_share_a_files_name_are_never_confused(tmp_path: Path) -> None:
    (tmp_path / "BTC-USDT-USDT.csv").write_text(HEADER)
    assert find(tmp_path, "BTC/USDT:USDT") == "BTC-USDT-USDT.csv"
    with pytest.raises(UnknownSymbolError, match=r"holds BTC/USDT:USDT; name this one's file BTC-USDT%2FUSDT\.csv"):
        find(tmp_path, "BTC-USDT/USDT")
    (tmp_path / "BTC-USDT%2FUSDT.csv.gz").write_bytes(b"")
    assert find(tmp_path, "BTC-USDT/USDT") == "BTC-USDT%2FUSDT.csv.gz"
    assert find(tmp_path, "BTC/USDT:USDT") == "BTC-USDT-USDT.csv"


@given(st.text(max_size=20))
def test_any_text_is_a_symbol_that_names_a_file_in_its_folder_or_a_value_error(raw: str) -> None:
    try:
        word = spell(raw)
    except ValueError:
        return
    assert spell(word) == word
    assert not is_certain(raw) or unify_symbol(raw) == word
    assert Path(f"/m/{stem_of(word)}.csv").resolve().parent == Path("/m")
