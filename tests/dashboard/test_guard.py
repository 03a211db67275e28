"""Who may look at the dashboard: by which name, by which method, as whom; and what every answer is fenced in by."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.app import find_pages
from dashboard.security import POLICY, SESSION_SECONDS, Access, check_token, find_user
from scorekeeper.errors import ScorekeeperError
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from tests.conftest import fresh_database
from tests.dashboard.serving import TOKEN, Served, serve

ROOT = Path(__file__).parents[2] / "dashboard"
PAGES = [route.path for route in find_pages()]
HTML = {"Accept": "text/html"}
VENDOR = {
    "idiomorph/LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
    "idiomorph/idiomorph.min.js": "0eb0f881553bd509fe7a7e3064a1089141e089583c506c1217e885a2e608b4a4",
    "uplot/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uplot/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.fixture(scope="module")
def served(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An empty database, looked at by this system user and by who has the token."""
    home = tmp_path_factory.mktemp("guard")
    with fresh_database(cluster) as url, open_database(url, home) as db, serve(db) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same with a chosen token, as behind a proxy of the name score.example.org."""
    home = tmp_path_factory.mktemp("guarded")
    access = Access(TOKEN, ("score.example.org",), peers=False)
    with fresh_database(cluster) as url, open_database(url, home) as db, serve(db, access) as found:
        yield found


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(served.address + path, headers={**HTML, **headers}, timeout=30)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]"])
def test_a_foreign_host_gets_400_everywhere_whatever_it_brings(served: Served, host: str) -> None:
    for path in (*PAGES, "/events", "/login", "/healthz", "/static/app.css", "/none"):
        answer = get(served, path, Host=host, Authorization=f"Bearer {TOKEN}")
        assert (path, answer.status_code) == (path, 400)
        assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_than_get_and_head_gets_405(served: Served, method: str) -> None:
    for path in (*PAGES, "/events", "/healthz", "/static/app.css", "/none"):
        answer = httpx.request(method, served.address + path, headers=HTML, timeout=30)
        assert (path, answer.status_code, answer.headers["allow"]) == (path, 405, "GET, HEAD")


def test_every_answer_is_fenced_in(served: Served) -> None:
    for path in (*PAGES, "/events-of-none", "/login", "/healthz", "/static/app.css", "/trades?since=x", "/trades?x=1"):
        headers = get(served, path).headers
        assert headers["content-security-policy"] == POLICY, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == ("same-origin" if path == "/login" else "no-referrer")
        assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers or headers["server"] == "uvicorn"


def test_a_page_of_another_site_gets_nothing_but_a_link_followed(served: Served) -> None:
    asked = (("no-cors", "image", 403), ("navigate", "iframe", 403), ("navigate", "document", 200))
    for site in ("cross-site", "same-site"):
        for mode, wants, status in asked:
            foreign = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": wants}
            assert get(served, "/", **foreign).status_code == status
    posted = httpx.post(served.address + "/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert posted.status_code == 403


AS_ANOTHER = """
import os, sys, urllib.request, urllib.error
"x".encode("idna")  # another user may not look for what is not loaded yet
os.setgid(65534), os.setuid(65534)
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).status)
except urllib.error.HTTPError as refused:
    print(refused.code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells there whose a connection is")
def test_the_user_who_runs_it_gets_in_and_another_user_does_not(served: Served) -> None:
    assert get(served, "/health").status_code == 200
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    for path, status in (("/health", "401"), ("/trades?format=json", "401"), ("/events", "401"), ("/healthz", "200")):
        done = subprocess.run([sys.executable, "-c", AS_ANOTHER, served.address + path], capture_output=True, text=True)
        assert (path, done.stdout.strip()) == (path, status), done.stderr


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto"])
def test_who_runs_a_proxy_is_not_who_asks_through_it(served: Served, header: str) -> None:
    answer = get(served, "/trades?version=v2", **{header: "203.0.113.7"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "login?next=trades%3Fversion%3Dv2"


def test_the_token_opens_by_the_form_and_as_bearer_and_stands_in_no_address(guarded: Served) -> None:
    host = {"Host": "score.example.org"}
    assert get(guarded, "/").status_code == get(guarded, "/", **host).status_code == 303  # peers are off
    assert get(guarded, f"/?token={TOKEN}").status_code == 303
    assert get(guarded, "/", Authorization=f"Bearer {TOKEN}").status_code == 200
    assert get(guarded, "/", Authorization=f"Bearer {TOKEN}x").status_code == 303
    with httpx.Client(base_url=guarded.address, headers=HTML, timeout=30) as browser:
        wrong = browser.post("/login", data={"token": TOKEN[:-1], "next": "health"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
        assert "not the token" in wrong.text
        right = browser.post("/login", data={"token": TOKEN, "next": "health?tz=local"})
        assert (right.status_code, right.headers["location"]) == (303, "./health?tz=local")
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in right.headers["set-cookie"]
        assert browser.get("/health").status_code == 200
        far = browser.post("/login", data={"token": TOKEN, "next": "//evil.example/"})
        assert far.headers["location"] == "./"
        by_tls = browser.post("/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "secure" in by_tls.headers["set-cookie"].lower()
        assert browser.post("/login", content=b"token=" + b"x" * 10_000).status_code == 413


@given(st.text(max_size=80), st.floats(0, 2e9))
def test_no_other_value_is_a_session(given_value: str, now: float) -> None:
    access = Access(TOKEN)
    assert not access.has_session(given_value, now)
    real = access.session(now)
    assert access.has_session(real, now + SESSION_SECONDS - 1)
    assert not access.has_session(real, now + SESSION_SECONDS + 1)
    assert not Access(TOKEN + "2").has_session(real, now)
    later = str(int(real.partition(".")[0]) + 1)
    assert not access.has_session(f"{later}.{real.partition('.')[2]}", now)
    assert not Access(None).has_session(Access(None).session(now), now)


def test_without_a_token_only_this_machine_is_listened_to_and_a_short_one_is_refused() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"):
        check_token(None, host)
    for host in ("0.0.0.0", "::", "192.168.1.7", "score.example.org", "127.0.0.1.evil.example"):
        with pytest.raises(ScorekeeperError, match="DASHBOARD_TOKEN"):
            check_token(None, host)
        check_token("x" * 32, host)
    with pytest.raises(ScorekeeperError, match="32 characters"):
        check_token("x" * 31, "127.0.0.1")


def test_nobody_is_found_for_a_connection_that_does_not_stand() -> None:
    assert find_user(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert find_user(("192.0.2.7", 41_234), ("127.0.0.1", 4210)) is None
    assert find_user(None, ("127.0.0.1", 4210)) is None


def test_liveness_tells_nothing_and_needs_no_token(guarded: Served) -> None:
    assert get(guarded, "/healthz").text == "ok\n"
    assert get(guarded, "/static/app.css").status_code == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor", "/static//etc/passwd"):
        assert get(guarded, path).status_code in (303, 404), path


def test_vendor_files_are_those_of_their_packages_with_their_licences() -> None:
    vendor = ROOT / "static" / "vendor"
    found = {path.relative_to(vendor).as_posix(): path for path in vendor.rglob("*") if path.is_file()}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == VENDOR


def test_nothing_of_ours_turns_escaping_off_or_builds_markup_from_text() -> None:
    ours = [path for path in ROOT.rglob("*") if path.suffix in (".html", ".js") and "vendor" not in path.parts]
    assert len(ours) > 5
    forbidden = r"\|\s*safe\b|autoescape\s+false|(inner|outer|Adjacent)HTML|document\.write|\beval\(|new Function"
    inline = r"\sstyle\s*=\s*[\"']|\son[a-z]+\s*=\s*[\"']|javascript:|<script(?![^>]*\bsrc=)|<style"
    for path in ours:
        words = path.read_text(encoding="utf-8")
        assert re.search(forbidden, words) is None, path
        assert path.suffix == ".js" or re.search(inline, words) is None, path


def test_a_session_is_given_a_time_that_is_now() -> None:
    access = Access(TOKEN)
    assert access.has_session(access.session(time.time()), time.time())
