"""Buckets of S3, and of the servers that speak its language, by Amazon's own library.

Amazon's library, and not one for all stores, since only it can copy and delete on a condition, lists a bucket whatever
its keys are (one key with an empty part between two slashes ended another library's listing), and may be forked.
"""

import builtins
import os
from collections.abc import Iterator, Sequence
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store.asking import AskingStore, fail
from scorekeeper.object_store.base import ChangedObjectError, StoredObject, content_type
from scorekeeper.object_store.reader import BrokenStreamError, Stream

_LAST = "\U0010ffff"  # the last of all characters in the order of keys
CONNECTIONS = 80  # of all threads that read and of those that move files meanwhile
_TRIES = 6
_GONE = {"NoSuchKey", "404", "NotFound"}
# 409: another conditional write of the same key is under way; what came of it is seen at the next try.
_UNMET = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_CREDENTIALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_BROKEN = (IncompleteReadError, ResponseStreamingError, HTTPClientError, OSError)


class S3Store(AskingStore):
    """See ObjectStore. An etag is S3's: of an object written in one request without a key of its own, its MD5."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        config = Config(
            connect_timeout=5, read_timeout=30, max_pool_connections=CONNECTIONS,
            # Standard: 5xx, SlowDown and lost connections, with pauses that grow from about 1 to 20 seconds.
            retries={"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS") or _TRIES)},
            # Not every server knows the newer checksums. What is read is hashed by its reader.
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
        )  # fmt: skip
        self._client = botocore.session.get_session().create_client("s3", config=config)

    def head(self, url: ObjectUrl) -> StoredObject | None:
        """See ObjectStore."""
        try:
            return _describe(url, self._ask("head_object", url))
        except FileNotFoundError:
            return None

    def get(self, url: ObjectUrl) -> tuple[StoredObject, bytes] | None:
        """See ObjectStore."""
        for attempt in _try_again(*_BROKEN):
            with attempt:
                try:
                    answer = self._ask("get_object", url)
                except FileNotFoundError:
                    return None
                try:
                    content = answer["Body"].read()
                except _BROKEN:
                    if attempt.retry_state.attempt_number == _TRIES:
                        raise fail(url, "its answer breaks off, time and again") from None
                    raise
        return _describe(url, answer), content

    def _stream(self, found: StoredObject, offset: int) -> Stream:
        try:
            return _Answer(self._ask("get_object", found.url, IfMatch=found.etag, Range=f"bytes={offset}-")["Body"])
        except FileNotFoundError:
            raise ChangedObjectError(str(found.url)) from None

    def put(self, url: ObjectUrl, content: bytes, *, create: bool = False, etag: str | None = None) -> str:
        """See ObjectStore."""
        condition: dict[str, str] = {"IfNoneMatch": "*"} if create else {}
        if etag is not None:
            condition = {"IfMatch": etag}
        try:
            return str(self._ask("put_object", url, Body=content, ContentType=content_type(url), **condition)["ETag"])
        except (ChangedObjectError, FileNotFoundError):
            return self._written_before(url, content)

    def copy(self, found: StoredObject, to: ObjectUrl) -> None:
        """See ObjectStore. Of a server that ignores the condition, what was copied is compared, and taken away."""
        source = {"Bucket": self._bucket, "Key": found.url.key}
        try:
            answer = self._ask("copy_object", to, CopySource=source, CopySourceIfMatch=found.etag)
        except FileNotFoundError:
            raise ChangedObjectError(str(found.url)) from None
        copied = str(answer["CopyObjectResult"]["ETag"])
        # The same bytes have another etag if they were written in parts, or are encrypted with a key of their own.
        if copied != found.etag and ((lying := self.head(found.url)) is None or lying.etag != found.etag):
            self.delete(to, copied)
            raise ChangedObjectError(str(found.url))

    def delete(self, url: ObjectUrl, etag: str | None = None) -> None:
        """See ObjectStore. A server that knows no condition for it is asked beforehand what lies there."""
        condition = {}
        if etag is not None:
            if (lying := self.head(url)) is None:
                return
            if lying.etag != etag:
                raise ChangedObjectError(str(url))
            condition = {"IfMatch": etag}
        try:
            self._ask("delete_object", url, **condition)
        except FileNotFoundError:
            return
        except ChangedObjectError:
            # What an earlier request removed, whose answer was lost, does not have the etag any more.
            if self.head(url) is not None:
                raise

    def list(self, prefix: ObjectUrl, without: Sequence[ObjectUrl] = ()) -> Iterator[StoredObject]:
        """See ObjectStore."""
        for answer in self._list_pages(prefix, without):
            for one in _read_page(prefix, answer):
                if not any(other.holds(one.url) for other in without):
                    yield one

    def browse(self, prefix: ObjectUrl) -> tuple[builtins.list[ObjectUrl], builtins.list[StoredObject]]:
        """See ObjectStore."""
        deeper: builtins.list[ObjectUrl] = []
        objects: builtins.list[StoredObject] = []
        for answer in self._list_pages(prefix, (), Delimiter="/"):
            deeper += [prefix.with_key(one["Prefix"].removesuffix("/")) for one in answer.get("CommonPrefixes", ())]
            objects += _read_page(prefix, answer)
        return deeper, objects

    def _list_pages(self, prefix: ObjectUrl, without: Sequence[ObjectUrl], **more: str) -> Iterator[Any]:
        page: dict[str, str] = {}
        while True:
            answer = self._list_page(prefix, f"{prefix.key}/" if prefix.key else "", more | page)
            yield answer
            if not answer.get("IsTruncated"):
                return
            page = {"ContinuationToken": answer["NextContinuationToken"]}
            last = prefix.with_key(answer["Contents"][-1]["Key"]) if answer.get("Contents") else prefix
            if (other := next((one for one in without if one.holds(last)), None)) is not None:
                page = {"StartAfter": f"{other.key}/{_LAST}"}

    def _list_page(self, prefix: ObjectUrl, below: str, page: dict[str, str]) -> Any:
        """One page of a listing; asked for again if it was cut short on the way."""
        for attempt in _try_again(ResponseParserError):
            with attempt:
                try:
                    return self._ask("list_objects_v2", prefix, Prefix=below, **page)
                except ResponseParserError:
                    if attempt.retry_state.attempt_number == _TRIES:
                        raise fail(prefix, "its listing breaks off, time and again") from None
                    raise
        raise AssertionError  # the loop returns or raises

    def _ask(self, what: str, url: ObjectUrl, **more: Any) -> Any:
        """One request. Raises FileNotFoundError, ChangedObjectError, ObjectStoreError or ResponseParserError."""
        key = {} if what == "list_objects_v2" else {"Key": url.key}
        try:
            return getattr(self._client, what)(Bucket=self._bucket, **key, **more)
        except ClientError as exc:
            code = str(exc.response.get("Error", {}).get("Code", ""))
            if code in _GONE:
                raise FileNotFoundError(str(url)) from None
            if code in _UNMET:
                raise ChangedObjectError(str(url)) from None
            raise fail(url, *_explain(code, exc)) from None
        except NoCredentialsError:
            raise fail(
                url, "there are no credentials", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
            ) from None
        except EndpointConnectionError:
            raise fail(url, "the object store cannot be reached", "check the network, and AWS_ENDPOINT_URL") from None
        except ResponseParserError:
            raise
        except BotoCoreError as exc:
            raise fail(url, f"the object store does not answer ({type(exc).__name__})") from None


def _try_again(*kinds: type[Exception]) -> Retrying:
    """The attempts at an answer that may break off with one of these errors, with growing pauses between them."""
    return Retrying(
        stop=stop_after_attempt(_TRIES), wait=wait_random_exponential(0.2, 8), retry=retry_if_exception_type(kinds),
        reraise=True,
    )  # fmt: skip


def _read_page(prefix: ObjectUrl, answer: Any) -> Iterator[StoredObject]:
    for one in answer.get("Contents", ()):
        yield StoredObject(prefix.with_key(one["Key"]), one["Size"], one["LastModified"], one.get("ETag", ""))


class _Answer:
    """The body of an answer; see Stream."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._body.read(size))
        except _BROKEN:
            raise BrokenStreamError from None

    def close(self) -> None:
        self._body.close()


def _describe(url: ObjectUrl, answer: Any) -> StoredObject:
    return StoredObject(url, answer["ContentLength"], answer["LastModified"], answer["ETag"])


def _explain(code: str, exc: ClientError) -> tuple[str, str]:
    """What a refusal means, and what helps."""
    if code in {"AccessDenied", "403", "Forbidden"}:
        return "access is denied", "let these credentials list, read, write and delete there"
    if code in _CREDENTIALS:
        return f"the credentials are refused ({code})", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their like"
    if code == "NoSuchBucket":
        return "there is no such bucket", "make it, or correct the address"
    if code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "301", "400"}:
        return f"the bucket is in another region ({code})", "set AWS_REGION to its own"
    if code in {"SlowDown", "503", "ServiceUnavailable", "InternalError", "500", "RequestTimeout"}:
        return f"the object store is overloaded ({code})", "the next run goes on"
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return f"the object store refuses ({code or status})", ""
