"""A strategy for freqtrade: it enters where benchmarks.backtest has decisions, with the same stop, target and time.

freqtrade loads it by its path, in the project of the oracles. ENTRIES names the folder with the minutes of each pair.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from freqtrade.strategy import IStrategy


class Entering(IStrategy):
    """Buys in the minute after each given one; sells at 1 % of gain, 0.5 % of loss, or after 14 minutes."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 0.01, "14": -1}  # noqa: RUF012 - as freqtrade has it
    stoploss = -0.005

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict[str, str]) -> pd.DataFrame:
        """None."""
        return dataframe

    def populate_entry_trend(self, dataframe: pd.DataFrame, metadata: dict[str, str]) -> pd.DataFrame:
        """The given minutes."""
        name = metadata["pair"].replace("/", "-")
        minutes = np.load(Path(os.environ["ENTRIES"]) / f"{name}.npy")  # epoch milliseconds of their openings
        opened = dataframe["date"].to_numpy(dtype="datetime64[ms]").astype(np.int64)
        dataframe.loc[np.isin(opened, minutes), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: pd.DataFrame, metadata: dict[str, str]) -> pd.DataFrame:
        """None: stop, target and time end a trade."""
        return dataframe
