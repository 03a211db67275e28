"""Where files lie: a path on this machine, or an address in an object store such as s3://bucket/prefix."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

SCHEMES = ("s3", "gs", "az")
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<bucket>[^/]*)(?P<key>.*)", re.S)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


@dataclass(frozen=True, order=True)
class ObjectUrl:
    """An address in an object store: an object by its key, or all that begin with the key and a slash.

    `scheme`: s3, gs (Google Cloud Storage) or az (Azure, whose buckets are called containers). A key is any text, as
    the store has it; nothing in it is quoted.

    >>> inbox = read_address("s3://trading/live/inbox/")
    >>> str(inbox / "BTC/one.json"), str(inbox.parent / "archive"), inbox.name
    ('s3://trading/live/inbox/BTC/one.json', 's3://trading/live/archive', 'inbox')
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> "ObjectUrl":
        return ObjectUrl(self.scheme, self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> "ObjectUrl":
        """The address without its last part; of the whole bucket: itself."""
        return ObjectUrl(self.scheme, self.bucket, self.key.rpartition("/")[0])

    def with_key(self, key: str) -> "ObjectUrl":
        """Another address in this bucket."""
        return ObjectUrl(self.scheme, self.bucket, key)

    def holds(self, other: "ObjectUrl") -> bool:
        """Whether `other` lies below this address."""
        below = not self.key or other.key.startswith(f"{self.key}/")
        return below and (other.scheme, other.bucket) == (self.scheme, self.bucket)


Location = Path | ObjectUrl
# A Location that a type checker takes for a path, as most code and every test has one. Who works with both asks for a
# Location: `settings.inbox` for `settings.inbox_dir`.
if TYPE_CHECKING:
    PathOrAddress = Path
else:
    PathOrAddress = Location



def is_address(text: str) -> bool:
    """Whether a text is an address and no path.

    >>> is_address("s3://bucket/inbox"), is_address("/srv/inbox"), is_address("s3:/bucket")
    (True, False, False)
    """
    return _ADDRESS.fullmatch(text) is not None


def read_address(text: str) -> ObjectUrl:
    """The address that a text spells; slashes at its end do not count. Raises ValueError.

    >>> read_address("ftp://host/inbox")
    Traceback (most recent call last):
        ...
    ValueError: 'ftp' is no object store: write s3://, gs:// or az://, or a path
    >>> read_address("s3://key:secret@trading/inbox")
    Traceback (most recent call last):
        ...
    ValueError: credentials belong in the environment: write s3://bucket/prefix
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or found["scheme"].lower() not in SCHEMES:
        scheme = found["scheme"] if found else text[:40]
        raise ValueError(f"{scheme!r} is no object store: write s3://, gs:// or az://, or a path")
    if "@" in found["bucket"]:  # what is before it may be secret
        raise ValueError(f"credentials belong in the environment: write {found['scheme']}://bucket/prefix")
    if not _BUCKET.fullmatch(found["bucket"]):
        raise ValueError(f"{found['bucket'][:70]!r} is no name of a bucket: write {found['scheme']}://bucket/prefix")
    return ObjectUrl(found["scheme"].lower(), found["bucket"], found["key"].removeprefix("/").rstrip("/"))


def read_key(text: str) -> ObjectUrl | None:
    """The address that `str` made of one, whatever its key is; None for a path.

    >>> read_key("s3://bucket//a/") == ObjectUrl("s3", "bucket", "/a/"), read_key("/srv/inbox/a.json")
    (True, None)
    """
    found = _ADDRESS.fullmatch(text)
    return ObjectUrl(found["scheme"], found["bucket"], found["key"].removeprefix("/")) if found else None


def read_location(text: str | Path | ObjectUrl, base: Path) -> Location:
    """An address as it is, and a path as an absolute one: a relative path is relative to `base`. Raises ValueError."""
    if isinstance(text, ObjectUrl):
        return text
    if isinstance(text, str) and is_address(text):
        return read_address(text)
    return base / Path(text).expanduser()
