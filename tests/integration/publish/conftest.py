"""A bucket of an S3 server on loopback, for the tests that ask."""

import pytest

from scorekeeper.locations import ObjectUrl
from tests.object_stores import Bucket


@pytest.fixture
def bucket(bucket: Bucket) -> ObjectUrl:
    """The address of a new bucket; the environment leads to its server."""
    return bucket.url
