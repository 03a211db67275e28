"""The rating in prose: what a text says of itself, and nothing that it denies, quotes or offers.

The forms of TauricResearch/TradingAgents, eval_results/SPY and eval_results/PLTR at commits
2d55fcc564d706b8f0369491c2954b5a33348564 and 9ba0b349ced92f70e37da95bb37276d1a6455884.
"""

import pytest

from scorekeeper.inbox.adapters.ratings import find_labelled, find_rating

SAID = {
    "### **Final Recommendation: Buy (with Phased Entry)**\n*(Revised from the original \"Sell\")*": "BUY",
    "**Recommendation:** HOLD\n\nConsider trimming exposure to reduce risk, or buy the dip.": "HOLD",
    "**Final Recommendation: Hold**\n\n### **Recommendation: Buy (Phased Entry)**": "BUY",
    "**FINAL TRANSACTION PROPOSAL: HOLD** *(no data for a BUY or SELL)*": "HOLD",
    "**Rating**: Sell\n\nAnalyst consensus rating: Buy. Prior rating: Strong Buy": "SELL",
    "Trading stance: no BUY/HOLD/SELL can be supported.\n\nFINAL TRANSACTION PROPOSAL: **HOLD** (default)": "HOLD",
    "SELL/UNDERWEIGHT. The bears win.": "SELL",
    "It is not a Sell. After all that was said, we are at a **Hold**.": "HOLD",
    "# Rating\n\nOverweight\n\nThe sell-off is over.": "OVERWEIGHT",
    "| 评级 | 买入 |": "买入",
    "Rating: Buy → Strong Buy": "BUY",
}
NOT_SAID = (
    "Do not buy this stock.", "We would NOT BUY here.", "It isn't a **Buy**.", "Recommendation: Not a Buy",
    "**Final Recommendation: Do not Buy**", "A sell-off is under way.", "Sell-side desks like it.",
    "The company will reduce debt.", "Earnings could outperform.", "Selling is wise. Buy later.", "不建议买入",
    "prefix your response with FINAL TRANSACTION PROPOSAL: **BUY/HOLD/SELL** so the team knows",
    "**FINAL TRANSACTION PROPOSAL: SELL / HOLD‑AND‑PROTECT**", "Rating: Buy → Hold", "Rating: Hold or Buy",
    "Decision: buy or sell?", "Prior rating: Buy", "Consensus rating: Strong Buy. We decline.", "BUY/HOLD/SELL",
)  # fmt: skip


@pytest.mark.parametrize(("prose", "rating"), SAID.items())
def test_a_text_has_the_rating_that_it_gives(prose: str, rating: str) -> None:
    assert find_rating(prose) == rating


@pytest.mark.parametrize("prose", NOT_SAID)
def test_a_rating_denied_offered_or_of_others_is_none(prose: str) -> None:
    assert find_rating(prose) is None
    assert find_labelled(prose) is None
