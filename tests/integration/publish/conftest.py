"""A bucket of an S3 server on loopback, for the tests that ask."""

from collections.abc import Iterator

import pytest

from scorekeeper.locations import ObjectUrl
from tests.object_stores import make_bucket, run_s3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server."""
    with run_s3() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> ObjectUrl:
    """A new bucket; the environment leads to its server."""
    return make_bucket(s3, monkeypatch).url
