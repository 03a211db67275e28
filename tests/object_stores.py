"""An S3 server on 127.0.0.1, and a proxy before it that answers as an object store does on a bad day."""

import http.client
import itertools
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from scorekeeper.locations import ObjectUrl

_numbers = itertools.count(1)
PAGE = 7  # keys on a page of a listing
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

# What befalls a request: it is answered 503 and never arrives; it is carried out, and the answer is lost, or is a 500,
# or is that of a second try whose condition does not hold any more; or the answer breaks off: in the middle of its
# bytes, or as XML that seems complete to HTTP.
Fault = Literal["slow down", "lost answer", "failed answer", "unmet answer", "cut bytes", "cut text"]


@dataclass
class Bucket:
    """A bucket of its own for a test; `endpoint`: where its server is asked."""

    name: str
    endpoint: str
    client: Any = field(repr=False)

    @property
    def url(self) -> ObjectUrl:
        return ObjectUrl("s3", self.name)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key: str) -> bytes | None:
        try:
            content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None
        return content

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]


@contextmanager
def run_s3() -> Iterator[str]:
    """The endpoint of an S3 server that keeps its buckets in memory."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = str(PAGE)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A new bucket, which this process's environment leads to."""
    set_environment(endpoint, monkeypatch)
    client = botocore.session.get_session().create_client(
        "s3", endpoint_url=endpoint, config=Config(max_pool_connections=64)
    )
    made = Bucket(f"trading-{next(_numbers)}", endpoint, client)
    client.create_bucket(Bucket=made.name)
    return made


def set_environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "canary-key", "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)


@dataclass
class BadDay:
    """A proxy before an object store.

    `befall`: of each request (method, path with query, how many of it came before), the fault, if any. `seen`: how
    often each method was asked for; `hit`: how often each fault befell one.
    """

    url: str = ""
    befall: Callable[[str, str, int], Fault | None] = lambda method, path, before: None
    seen: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def judge(self, method: str, path: str) -> Fault | None:
        with self.lock:
            before = self.asked[method, path]
            self.asked[method, path] += 1
            self.seen[method] += 1
            fault = self.befall(method, path, before)
            if fault is not None:
                self.hit[fault] += 1
            return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    day: BadDay
    behind: str

    def _pass_on(self) -> None:
        body = self._read_body()
        # A copy is a PUT that names its source.
        method = "COPY" if self.headers.get("x-amz-copy-source") else self.command
        fault = self.day.judge(method, self.path)
        if fault == "slow down":
            return self._answer(503, SLOW_DOWN)
        to = http.client.HTTPConnection(self.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
        to.request(self.command, self.path, body, headers)
        answer = to.getresponse()
        content = answer.read()
        to.close()
        if fault == "lost answer":
            self.close_connection = True
            return None
        if fault == "failed answer":
            return self._answer(500, b"<Error><Code>InternalError</Code><Message>Try again.</Message></Error>")
        if fault == "unmet answer":
            return self._answer(412, b"<Error><Code>PreconditionFailed</Code><Message>Gone.</Message></Error>")
        length = int(answer.headers.get("Content-Length") or len(content))
        if fault == "cut text":
            content, length = content[: len(content) // 2], len(content) // 2
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if fault == "cut bytes":
            content, self.close_connection = content[: len(content) // 2], True
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    def _read_body(self) -> bytes:
        if (length := self.headers.get("Content-Length")) is not None:
            return self.rfile.read(int(length))
        parts = []
        while self.headers.get("Transfer-Encoding") and (size := int(self.rfile.readline().split(b";")[0], 16)):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def run_bad_day(endpoint: str) -> Iterator[BadDay]:
    """A proxy before the server of `endpoint`; without faults until some are set."""
    day = BadDay()
    handler = type("Handler", (_Handler,), {"day": day, "behind": urlsplit(endpoint).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that is killed breaks off
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    day.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield day
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
