"""Object storage: buckets of S3 (and what speaks its language), of Google Cloud and of Azure.

Credentials come from the environment, as the tools of each store read them: AWS_ACCESS_KEY_ID and the like, and
AWS_ENDPOINT_URL for another server than Amazon's. They appear in no message.
"""

import os
from functools import lru_cache

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store.base import ChangedObjectError as ChangedObjectError
from scorekeeper.object_store.base import ObjectStore as ObjectStore
from scorekeeper.object_store.base import ObjectStoreError as ObjectStoreError
from scorekeeper.object_store.base import StoredObject as StoredObject


def open_store(url: ObjectUrl) -> ObjectStore:
    """The bucket of an address; nothing is asked of it yet. Raises ScorekeeperError without the libraries for it."""
    # A child of a fork must not use its parent's connections.
    return _open(url.scheme, url.bucket, os.getpid(), os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=64)
def _open(scheme: str, bucket: str, process: int, endpoint: str | None) -> ObjectStore:
    del process, endpoint  # they only tell one client from another
    try:
        if scheme == "s3":
            from scorekeeper.object_store.s3 import S3Store

            return S3Store(bucket)
        from scorekeeper.object_store.other_stores import OtherStore

        return OtherStore(scheme, bucket)
    except ModuleNotFoundError as exc:
        raise ScorekeeperError(
            f"{scheme}://{bucket} needs {exc.name}: pip install 'scorekeeper[objects]'"
        ) from None
