"""Machines of a test: network namespaces with an address each, joined by a bridge that the test reaches too."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from scorekeeper.settings import Settings
from scorekeeper.store.binaries import server_user
from tests.servers import give_away

NETWORK = "10.213.{number}.{host}"
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="only root makes network namespaces, and with iproute2"
)


@dataclass
class Machine:
    """A namespace with a home of its own. Its processes see no other address of this machine than theirs."""

    namespace: str
    address: str
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, part: str, command: Sequence[str | Path], more: Mapping[str, str] | None = None, *,
        as_server: bool = False,
    ) -> None:  # fmt: skip
        """Start a part, in a session of its own; its output is in a file of its name in the home."""
        with (self.home / f"{part}.log").open("ab") as log:
            self.parts[part] = subprocess.Popen(
                self._enter(command, as_server), env=self._environment(more or {}), cwd=self._cwd(as_server),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def run(
        self, command: Sequence[str | Path], *, as_server: bool = False, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self._enter(command, as_server), env=self._environment({}), cwd=self._cwd(as_server),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def kill(self, part: str) -> None:
        """End a part and all below it at once, as when its machine loses power."""
        process = self.parts.pop(part)
        below: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            # A flow run has a session of its own, and a server's child too.
            below = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for one in below:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(below, 30)
        process.wait(30)

    def said(self, part: str) -> str:
        """What a part has put out."""
        return (self.home / f"{part}.log").read_text(errors="replace")

    def close(self) -> None:
        for part in list(self.parts):
            self.kill(part)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        ours = {name.upper() for name in Settings.model_fields}
        kept = {name: one for name, one in os.environ.items() if name not in ours and not name.startswith("PREFECT_")}
        return {**kept, "PREFECT_HOME": str(self.home / "prefect"), **self.environment, **more}

    def _cwd(self, as_server: bool) -> Path:
        return Path("/") if as_server else self.home

    def _enter(self, command: Sequence[str | Path], as_server: bool) -> list[str]:
        user = server_user()
        change = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
        return ["ip", "netns", "exec", self.namespace, *(change if as_server else []), *map(str, command)]

    def folder_of_server(self, name: str) -> Path:
        """A folder in the home that the servers' system user owns."""
        path = self.home / name
        path.mkdir()
        give_away(path)
        return path


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@contextmanager
def open_machines(folder: Path, count: int) -> Iterator[list[Machine]]:
    """So many machines on one network, each with a home below `folder`; all of their processes end with them."""
    mark, number = secrets.token_hex(3), secrets.randbelow(200) + 10
    bridge = f"sk{mark}"
    with ExitStack() as held:
        _ip("link", "add", bridge, "type", "bridge")
        held.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{NETWORK.format(number=number, host=254)}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        yield [_join(held, bridge, mark, number, host, folder) for host in range(1, count + 1)]


def _join(held: ExitStack, bridge: str, mark: str, number: int, host: int, folder: Path) -> Machine:
    namespace, outside = f"sk-{mark}-{host}", f"sk{mark}v{host}"
    address, home = NETWORK.format(number=number, host=host), folder / f"machine-{host}"
    home.mkdir(mode=0o755)
    _ip("netns", "add", namespace)
    held.callback(_ip, "netns", "del", namespace)
    _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    _ip("link", "set", outside, "master", bridge, "up")
    _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
    for device in ("eth0", "lo"):
        _ip("-n", namespace, "link", "set", device, "up")
    machine = Machine(namespace, address, home)
    held.callback(machine.close)
    return machine
