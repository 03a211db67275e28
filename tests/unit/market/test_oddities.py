"""What counts as an exchange's word that there were no candles."""

import pytest

from scorekeeper.decisions.symbols import unify_symbol
from scorekeeper.market.exchange_quirks import candles_in


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "none"),
        ('{"code": "0", "msg": "", "data": []}', "none"),
        ('{"error": [], "result": {"XXBTZUSD": [], "last": 1}}', "none"),
        ('{"retCode": 0, "result": {"list": [["1", "2"]]}}', "some"),
        ('[{"timestamp": 1}]', "some"),
        ('{"error": [], "result": {}}', None),
        ('{"error": ["EGeneral"], "result": null}', None),
        ("[null]", None),
        ("{}", None),
        ("null", None),
        ("", None),
        ("<html></html>", None),
    ],
)
def test_only_an_empty_list_says_that_there_were_none(body: str, said: str | None) -> None:
    assert candles_in(body) == said


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        ("DOTUSD", "DOT/USD"),
        ("XBTUSD", "XBT/USD"),
        ("BTCTUSD", "BTC/TUSD"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("ETHBTC", "ETH/BTC"),
    ],
)
def test_a_coin_that_ends_in_t_keeps_its_letter(raw: str, symbol: str) -> None:
    assert unify_symbol(raw) == symbol
