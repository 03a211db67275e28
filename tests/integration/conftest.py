"""A configured installation for each test that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scorekeeper.settings import Settings, load_settings
from tests.object_stores import Bucket, make_bucket, run_s3


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The defaults, in an empty folder with an inbox."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    return load_settings()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3 server."""
    with run_s3() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of its own, which the environment leads to."""
    return make_bucket(s3, monkeypatch)


@pytest.fixture
def bucket_settings(settings: Settings, bucket: Bucket) -> Settings:
    """The defaults, with an inbox in a bucket."""
    return load_settings(inbox_dir=bucket.url / "live/inbox")
