"""The ids that Scorekeeper makes: they end in hex digits of the content's hash, mostly eight.

Eight digits are alike for two contents once in 4,294,967,296 pairs: among 30,000 decisions of one symbol and moment,
once in ten times. The later of the two gets more digits. Its id still says which content it belongs to, so it meets
itself when it comes again, in whatever order.
"""

LONGEST_ID = 512  # bytes
LENGTHS = (8, 16, 32, 64)


def make_id(stem: str, content_sha256: bytes) -> str:
    """The id of a decision without one.

    >>> make_id("BTCUSDT-2025-05-01T12:00:00Z", bytes.fromhex("3f9a0c21" * 8))
    'BTCUSDT-2025-05-01T12:00:00Z-3f9a0c21'
    """
    return f"{stem}-{content_sha256.hex()[: LENGTHS[0]]}"


def is_made(trade_id: str, content_sha256: bytes) -> bool:
    """Whether an id ends in digits of its own content's hash, as only a made one does.

    >>> is_made("BTCUSDT-3f9a0c21", bytes.fromhex("3f9a0c21" * 8)), is_made("BTCUSDT-3f9a0c21", bytes(32))
    (True, False)
    """
    stem, _, digits = trade_id.rpartition("-")
    return bool(stem) and len(digits) in LENGTHS and content_sha256.hex().startswith(digits)


def list_ids(trade_id: str, content_sha256: bytes) -> tuple[str, ...]:
    """The ids that a decision may have, in the order in which they are tried: an id that is not made is the only one.

    >>> list_ids("BTCUSDT-3f9a0c21", bytes.fromhex("3f9a0c21" * 8))[:2]
    ('BTCUSDT-3f9a0c21', 'BTCUSDT-3f9a0c213f9a0c21')
    >>> list_ids("42", bytes(32))
    ('42',)
    """
    if not is_made(trade_id, content_sha256):
        return (trade_id,)
    stem, digits = trade_id.rpartition("-")[0], content_sha256.hex()
    ids = (f"{stem}-{digits[:length]}" for length in LENGTHS)
    return tuple(one for one in ids if len(one.encode()) <= LONGEST_ID)
