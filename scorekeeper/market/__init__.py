"""Where prices come from: one interface, whatever stands behind it."""

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import Answer, Market, UnknownSymbolError

__all__ = ["Answer", "Market", "UnknownSymbolError", "open_market"]


def open_market(name: str, grace_minutes: int) -> Market:
    """The market that `MARKET` names: `replay:DIR`.

    Raises ScorekeeperError for a name that no market has.
    """
    kind, _, rest = name.partition(":")
    if kind == "replay" and rest:
        # Imported here: only who fetches prices pays for pandas.
        from scorekeeper.market.replay import ReplayMarket

        return ReplayMarket(rest, grace_minutes)
    raise ScorekeeperError(
        f"MARKET={name}: this version tracks replay markets only; use replay:DIR, a folder of files like BTC-USDT.csv"
    )
