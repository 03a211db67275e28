"""A published file in an object store, where nothing can be appended: immutable parts, and a manifest that names them.

The parts one after another are the bytes of the file. A publication writes a part and then the manifest, so that a
reader of the manifest sees whole parts only. Small parts are merged now and then, so that their number stays small.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

FULL_BYTES = 16 << 20  # a part of this size is merged no more
FAN = 8  # this many parts of one size are merged into one
_SMALLEST = 32 << 10
REMEMBERED = 32


class Entry(msgspec.Struct, frozen=True):
    """A part: an object beside the manifest."""

    name: str
    size_bytes: int
    lines: int
    sha256: str


class Before(msgspec.Struct, frozen=True):
    """An earlier manifest of the same content: its hash, and how many bytes its parts had."""

    sha256: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """Which parts a published file has, in order.

    `superseded`: parts that the last merge replaced. They stay until the next merge, for readers of an older manifest.
    `before`: the latest manifests whose bytes this one's begin with.
    """

    format: int = 1
    size_bytes: int = 0
    lines: int = 0
    parts: tuple[Entry, ...] = ()
    superseded: tuple[str, ...] = ()
    before: tuple[Before, ...] = ()

    def render(self) -> bytes:
        """The object's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def with_parts(self, parts: Sequence[Entry], superseded: Sequence[str], before: Sequence[Before]) -> "Manifest":
        """Another list of parts."""
        return Manifest(
            self.format, sum(one.size_bytes for one in parts), sum(one.lines for one in parts), tuple(parts),
            tuple(superseded), tuple(before[-REMEMBERED:]),
        )  # fmt: skip


def read_manifest(content: bytes) -> Manifest | None:
    """What an object says; None if it is no manifest of this form."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    holds = manifest.size_bytes == sum(one.size_bytes for one in manifest.parts)
    return manifest if manifest.format == 1 and holds else None


def name_part(start: int, content: bytes, suffix: str) -> Entry:
    """The entry of whole lines that begin at a byte of the file. The same lines there have the same name.

    >>> name_part(120, b'one\\n', ".logl").name
    'part-000000000000120-2c8b08da5ce6.logl'
    """
    digest = hashlib.sha256(content).hexdigest()
    return Entry(f"part-{start:015}-{digest[:12]}{suffix}", len(content), content.count(b"\n"), digest)


def count_merged(sizes: Sequence[int]) -> int:
    """How many of the last parts, by their sizes in bytes, are to be merged into one; 0: none.

    Parts have classes by size, each FAN times as large as the one before. FAN parts of one class are merged, with the
    smaller ones after and between them. A byte is therefore copied once in each class.

    >>> count_merged([FULL_BYTES, 100_000, *[1_000] * 7]), count_merged([FULL_BYTES, 100_000, *[1_000] * 8])
    (0, 8)
    >>> count_merged([100_000] * 8 + [1_000])
    9
    """
    seen: Counter[int] = Counter()
    merged = 0
    for run, size in enumerate(reversed(sizes), 1):
        if size >= FULL_BYTES:
            break
        kind = _class_of(size)
        seen[kind] += 1
        if seen[kind] >= FAN and kind == max(seen):
            merged = run
    return merged


def _class_of(size: int) -> int:
    kind, limit = 0, _SMALLEST
    while size >= limit:
        kind, limit = kind + 1, limit * FAN
    return kind
