"""What the words of systems and agents mean: up, down, neutral, or an exit of a side. Both have the same lists.

A word is cleaned (of case, Markdown, quotes, final stops, and of spaces, hyphens and underscores within it), and then
looked up as a whole. Nothing is searched for within a sentence: "not buy" is no BUY.

The words are those that public systems write: nofx (`logger/decision_logger.go`: open_long, open_short, hold, wait),
ai-hedge-fund (buy, sell, short, cover, hold; bullish, bearish, neutral), TradingAgents and its forks (Buy, Overweight,
Hold, Underweight, Sell; 买入, 增持, 持有, 减持, 卖出; REDUCE, HOLD_CASH), freqtrade (enter_long, enter_short),
brokers (BUY_TO_OPEN, SELL_TO_OPEN), analysts' ratings (Outperform, Accumulate, Market Perform).
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

Meaning = Literal["up", "down", "neutral", "exit", "exit_long", "exit_short"]
LONGEST_WORD = 200

UP = """
    BUY STRONG_BUY BUY_STRONG WEAK_BUY MODERATE_BUY SPECULATIVE_BUY BUY_TO_OPEN BUY_LONG BUY_MORE BUY_DIP BUY_SIGNAL
    LONG GO_LONG OPEN_LONG ENTER_LONG ENTRY_LONG LONG_ENTRY STRONG_LONG WEAK_LONG ADD_LONG INCREASE_LONG
    BULLISH VERY_BULLISH STRONG_BULLISH STRONGLY_BULLISH SLIGHTLY_BULLISH MILDLY_BULLISH MODERATELY_BULLISH BULL
    OVERWEIGHT OUTPERFORM MARKET_OUTPERFORM SECTOR_OUTPERFORM ACCUMULATE ADD
    UP UPWARD UPWARDS UPTREND STRONG_UPTREND UPSIDE RISE RISING
    POSITIVE VERY_POSITIVE STRONG_POSITIVE SLIGHTLY_POSITIVE
    买入 买进 强烈买入 强力买入 建议买入 买 購入 買入 買進 強烈買入 加仓 加倉 增持 看多 看涨 看漲
    强烈看多 强烈看涨 做多 开多 開多 多头 多頭 偏多 上涨 上漲 积极 積極 利好 跑赢大市 优于大市
    買い 買い増し 強い買い 強気 매수 적극매수 상승 강세
    COMPRAR COMPRA COMPRA_FUERTE ALCISTA ACHETER ACHAT HAUSSIER KAUFEN ACQUISTARE ACQUISTA RIALZISTA AL GÜÇLÜ_AL
    ПОКУПАТЬ ПОКУПКА КУПИТЬ ЛОНГ
    BUY_NOW CONVICTION_BUY TOP_PICK BUY_OPEN OPEN_BUY ENTER_BUY MARKET_BUY BUY_MARKET LONG_POSITION
    OPEN_LONG_POSITION LEAN_LONG LEAN_BULLISH LEANING_BULLISH CAUTIOUSLY_BULLISH EXTREMELY_BULLISH
    HIGHLY_BULLISH MODERATE_BULLISH WEAK_BULLISH OPTIMISTIC 增仓 看好 强烈看好 强烈推荐 推荐 乐观 開多倉
    开多仓 谨慎看多 谨慎买入 立即买入 分批买入
    加码 加碼 買う 買い推奨 やや強気 강력매수 매수추천 비중확대 롱 KAUF STARKER_KAUF ÜBERGEWICHTEN
    ACHAT_FORT COMPRA_FORTE MUA MUA_MẠNH
    BELI KUPUJ KOPEN شراء شراء_قوي खरीदें
"""
DOWN = """
    SELL STRONG_SELL SELL_STRONG WEAK_SELL MODERATE_SELL SELL_TO_OPEN SELL_SHORT SELL_SIGNAL
    SHORT GO_SHORT OPEN_SHORT ENTER_SHORT ENTRY_SHORT SHORT_ENTRY STRONG_SHORT WEAK_SHORT ADD_SHORT INCREASE_SHORT
    SHORT_SELL
    BEARISH VERY_BEARISH STRONG_BEARISH STRONGLY_BEARISH SLIGHTLY_BEARISH MILDLY_BEARISH MODERATELY_BEARISH BEAR
    UNDERWEIGHT UNDERPERFORM MARKET_UNDERPERFORM SECTOR_UNDERPERFORM REDUCE
    DOWN DOWNWARD DOWNWARDS DOWNTREND STRONG_DOWNTREND DOWNSIDE FALL FALLING
    NEGATIVE VERY_NEGATIVE STRONG_NEGATIVE SLIGHTLY_NEGATIVE
    卖出 强烈卖出 强力卖出 建议卖出 卖 賣出 賣 強烈賣出 减仓 減倉 减持 減持 看空 看跌
    强烈看空 强烈看跌 做空 开空 開空 沽空 空头 空頭 偏空 下跌 消极 消極 利空 跑输大市 弱于大市
    売り 強い売り 弱気 매도 적극매도 하락 약세
    VENDER VENTA VENTA_FUERTE VENDA BAJISTA VENDRE VENTE BAISSIER VERKAUFEN VENDERE VENDI RIBASSISTA SAT GÜÇLÜ_SAT
    ПРОДАВАТЬ ПРОДАЖА ПРОДАТЬ ШОРТ
    SELL_NOW CONVICTION_SELL SELL_OPEN OPEN_SELL ENTER_SELL MARKET_SELL SELL_MARKET SHORT_POSITION
    OPEN_SHORT_POSITION LEAN_SHORT LEAN_BEARISH LEANING_BEARISH CAUTIOUSLY_BEARISH EXTREMELY_BEARISH
    HIGHLY_BEARISH MODERATE_BEARISH WEAK_BEARISH PESSIMISTIC 悲观 開空倉 开空仓 谨慎看空 谨慎卖出 立即卖出
    分批卖出 减码 減碼 売る 売り推奨
    やや弱気 강력매도 매도추천 비중축소 숏 VERKAUF STARKER_VERKAUF UNTERGEWICHTEN VENTE_FORTE VENDA_FORTE
    BÁN BÁN_MẠNH JUAL
    SPRZEDAJ VERKOPEN بيع بيع_قوي बेचें
"""
NEUTRAL = """
    HOLD STRONG_HOLD NEUTRAL WAIT WAIT_AND_SEE WATCH OBSERVE FLAT SIDEWAYS SIDELINE SIDELINES RANGE RANGING
    RANGE_BOUND
    CONSOLIDATION NO_TRADE NO_ACTION NO_SIGNAL NO_POSITION NO_ENTRY DO_NOTHING STAY_OUT STAY_NEUTRAL SKIP PASS ABSTAIN
    AVOID HOLD_CASH CASH NONE NULL N/A NA
    EQUAL_WEIGHT MARKET_PERFORM SECTOR_PERFORM PEER_PERFORM MARKET_WEIGHT SECTOR_WEIGHT IN_LINE
    MIXED CONFLICTED UNCERTAIN INCONCLUSIVE UNDECIDED
    持有 观望 觀望 等待 中性 中立 震荡 震盪 盘整 盤整 横盘 橫盤 不操作 保持 保持观望 继续持有 分歧
    様子見 保有 ホールド 관망 중립 보유 유지
    MANTENER MANTER NEUTRO NEUTRALE CONSERVER NEUTRE HALTEN MANTENERE TUT BEKLE NÖTR ДЕРЖАТЬ НЕЙТРАЛЬНО
    STAND_ASIDE SIT_OUT MAINTAIN MODERATE_HOLD 继续观望 暂不操作 중립적 홀드 GIỮ TAHAN TRZYMAJ HOUDEN احتفاظ
    УДЕРЖИВАТЬ
"""
# They close what others opened, and say neither up nor down: of both sides, of the longs, of the shorts. TRIM and the
# like are not here: a part of a trade cannot be closed.
EXITS = """
    CLOSE CLOSE_ALL CLOSE_POSITION CLOSE_POSITIONS CLOSE_TRADE CLOSE_OUT EXIT EXIT_ALL EXIT_POSITION EXIT_TRADE FLATTEN
    GO_FLAT LIQUIDATE SQUARE_OFF UNWIND
    平仓 平倉 全部平仓 清仓 清倉 离场 離場 청산 決済 手仕舞い
    CERRAR FERMER SCHLIESSEN FECHAR ЗАКРЫТЬ
"""
EXITS_OF_LONGS = """
    CLOSE_LONG CLOSE_LONGS CLOSE_BUY EXIT_LONG EXIT_LONGS LIQUIDATE_LONG LONG_EXIT LONG_CLOSE SELL_TO_CLOSE
    平多 平多仓 平多单 平多單
    CERRAR_LARGO ЗАКРЫТЬ_ЛОНГ
"""
EXITS_OF_SHORTS = """
    CLOSE_SHORT CLOSE_SHORTS CLOSE_SELL EXIT_SHORT EXIT_SHORTS LIQUIDATE_SHORT SHORT_EXIT SHORT_CLOSE BUY_TO_CLOSE
    BUY_TO_COVER COVER COVER_SHORT SHORT_COVER
    平空 平空仓 平空单 平空單
    CERRAR_CORTO ЗАКРЫТЬ_ШОРТ
"""
DIRECTIONS: dict[Meaning, int] = {"up": 1, "down": -1, "neutral": 0, "exit": 0, "exit_long": 0, "exit_short": 0}
# Which open trades an exit closes: the longs, the shorts, or both (0).
EXIT_SIDES: dict[Meaning, int] = {"exit": 0, "exit_long": 1, "exit_short": -1}

# "FINAL TRANSACTION PROPOSAL: **BUY**", "Rating: Overweight", "最终交易建议：买入": a label, a colon, and the word.
_LABEL = re.compile(
    r"(?:final (?:transaction proposal|trade decision|decision|recommendation|rating|verdict)|rating|recommendation"
    r"|decision|(?:trad(?:e|ing) )?(?:action|signal)|verdict|stance|direction|bias|sentiment|outlook|conclusion"
    r"|最终交易建议|最終交易建議|(?:投资|投資|操作|最终|最終)?(?:建议|建議|评级|評級|决策|決策)|信号|結論|结论)\s*[:：]\s*",
    re.IGNORECASE,
)
_DRESS = re.compile(r"[*`]")
# Dashboards put coloured dots and arrows before a word ("🟡 HOLD"). A cross is not here: it may mean the opposite.
_AROUND = " \t\r\n_\"'“”‘’「」『』【】《》()[]🟢🔴🟡⚪⚫🚀📈📉✅⬆⬇🔼🔽🔵🟠\ufe0f#→"
_STOPS = " .,;:!…。，；：！、"
_PARTS = re.compile(r"(?<=\w)[\s_\-‐-―]+(?=\w)")
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=10_000)
def clean_word(word: str) -> str:
    """A word in the form in which it is looked up.

    ASCII becomes upper case. Other scripts become lower case and never ASCII: ſ does not become S.

    >>> clean_word("**Strong-Buy**."), clean_word("Rating: Overweight")
    ('STRONGBUY', 'OVERWEIGHT')
    """
    said = unicodedata.normalize("NFC", word[: LONGEST_WORD + 1])
    said = _DRESS.sub("", said).strip(_AROUND).rstrip(_STOPS)
    said = _LABEL.sub("", said, count=1) if _LABEL.match(said) else said
    said = _PARTS.sub("", said.strip(_AROUND).rstrip(_STOPS).strip(_AROUND))
    return said.upper() if said.isascii() else said.lower()


def plain_word(word: str) -> str:
    """A system's word as it is stored: in upper case; BUY, SELL and HOLD in their cleaned form.

    >>> plain_word("**buy**"), plain_word("strong buy")
    ('BUY', 'STRONG_BUY')
    """
    said = word.strip()
    cleaned = clean_word(said)
    return cleaned if cleaned in ("BUY", "SELL", "HOLD") else _SPACES.sub("_", said.upper() if said.isascii() else said)


def read_list(words: str, meaning: Meaning) -> dict[str, Meaning]:
    """The words of a list in the form in which they are looked up, with their meaning."""
    return {clean_word(word): meaning for word in words.split()}


KNOWN: Mapping[str, Meaning] = {
    **read_list(NEUTRAL, "neutral"),
    **read_list(EXITS, "exit"),
    **read_list(EXITS_OF_LONGS, "exit_long"),
    **read_list(EXITS_OF_SHORTS, "exit_short"),
    **read_list(UP, "up"),
    **read_list(DOWN, "down"),
}


def meaning_of(word: str, known: Mapping[str, Meaning] = KNOWN) -> Meaning | None:
    """What a word means; None if it is in no list. An empty word is neutral.

    >>> meaning_of("go long"), meaning_of("平仓"), meaning_of("not buy"), meaning_of("")
    ('up', 'exit', None, 'neutral')
    """
    cleaned = clean_word(word)
    return known.get(cleaned) or (None if cleaned else "neutral")
