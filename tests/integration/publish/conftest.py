"""A bucket of a real S3 server on loopback, for the tests that ask."""

import itertools
import urllib.request
from collections.abc import Iterator

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from scorekeeper.locations import ObjectUrl

_numbers = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", b"")
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> ObjectUrl:
    """A new bucket; the environment leads to its server."""
    given = {"AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in {**given, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    url = ObjectUrl("s3", f"scores-{next(_numbers)}")
    botocore.session.get_session().create_client("s3").create_bucket(Bucket=url.bucket)
    return url
