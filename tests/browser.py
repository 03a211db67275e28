"""A real browser, driven by its own protocol: what a page asks for, runs, and shows."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.waiting import wait_until

# Not chromium-browser: on some systems that is a stub that asks for another installation.
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for path in map(shutil.which, BROWSERS) if path), None)

# Whatever of `words` an attribute would fetch or follow, and every handler; in the trees below shadow roots too.
LOOK = """(words => {
  const found = [];
  const walk = root => { for (const e of root.querySelectorAll('*')) {
    if (e.shadowRoot) walk(e.shadowRoot);
    for (const a of e.attributes)
      if (/^on/i.test(a.name) || /^\\s*javascript:/i.test(a.value)
          || (/href|src|action|style|poster|background|^data$/i.test(a.name) && words.some(w => a.value.includes(w))))
        found.push(a.name + ' of ' + e.outerHTML.slice(0, 200));
  } };
  walk(document);
  return {found, ran: window.ran ?? null, title: document.title, text: document.body.innerText};
})"""


class Tab:
    """One page; `asked`: every address that it has asked for; `dialogs`: what alert and its
    like have said; `errors`: exceptions that were not caught."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._number = connection, 0
        self.asked: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Say something to the browser and wait for its answer; what it tells meanwhile is noted."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._connection.recv(timeout=300))
            if told.get("method") == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(told["params"]["exceptionDetails"].get("exception", {}).get("description")))
            elif told.get("method") == "Page.javascriptDialogOpening":
                self.dialogs.append(told["params"]["message"])
                self._connection.send(json.dumps({"id": 0, "method": "Page.handleJavaScriptDialog",
                                                  "params": {"accept": True}}))  # fmt: skip
            elif told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def look(self, *words: str) -> dict[str, Any]:
        """What the page shows now: {found: attributes that would do something, ran, title, text}."""
        asked = self.call("Runtime.evaluate", expression=f"{LOOK}({json.dumps(words)})", returnByValue=True)
        found: dict[str, Any] = asked["result"]["value"]
        return found

    def open(self, address: str, until: str, *words: str, seconds: float = 20) -> dict[str, Any]:
        """Go there, wait until the page shows the text `until` and a moment longer, and look."""
        self.call("Page.navigate", url=address)
        seen: dict[str, Any] = {}

        def shows() -> bool:
            try:
                seen.update(self.look(*words))
            except (AssertionError, KeyError):  # the old document has just gone
                return False
            return until in seen["text"]

        assert wait_until(shows, seconds), f"{address} does not show {until!r}: {seen.get('text')} {self.errors}"
        time.sleep(0.3)
        return self.look(*words)

    def photograph(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is in the window; `whole`: of the page to its end."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is waited for. Raises AssertionError if it throws."""
        asked = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in asked, asked["exceptionDetails"]
        return asked["result"].get("value")

    def resize(self, width: int, height: int = 900, *, phone: bool = False) -> None:
        """The size of the window in pixels; `phone`: with touch, and as a phone lays pages out."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def prefer(self, *, dark: bool = False, still: bool = False, printed: bool = False) -> None:
        """What the reader has asked the system for: dark pages, no motion; `printed`: the page as it is on paper."""
        wanted = {"prefers-color-scheme": "dark" if dark else "light",
                  "prefers-reduced-motion": "reduce" if still else "no-preference"}  # fmt: skip
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        self.call("Emulation.setEmulatedMedia", media="print" if printed else "", features=features)

    def live_in(self, zone: str) -> None:
        """The time zone of the browser's system, such as Asia/Kathmandu."""
        self.call("Emulation.setTimezoneOverride", timezoneId=zone)

    def allow_scripts(self, allowed: bool) -> None:
        """Whether pages that are opened from now on may run scripts."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def cut_network(self, cut: bool) -> None:
        """Whether the browser is offline."""
        slow = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.call("Network.emulateNetworkConditions", offline=cut, **slow)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press and release a key by its name (Tab, Enter, ArrowLeft); `code`: its Windows key code."""
        code = code or {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0)
        text = text or {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      **({"text": text} if text and kind == "keyDown" else {}))  # fmt: skip


@contextmanager
def open_tab(home: Path, *options: str) -> Iterator[Tab]:
    """A tab of a browser of its own, whose profile is in `home`, started with these options."""
    assert BROWSER is not None
    command = [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
        "--remote-debugging-port=0", f"--user-data-dir={home}", *options, "about:blank",
    ]  # fmt: skip
    home.mkdir()
    with (home / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, "HOME": str(home)}, stdout=output, stderr=output)
    try:
        told = home / "DevToolsActivePort"
        assert wait_until(lambda: told.exists() and "\n" in told.read_text(), 60)
        port = told.read_text().split()[0]
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60))
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        with connect(address, max_size=None) as connection:
            yield Tab(connection)
    finally:
        process.terminate()
        process.wait(600)
