"""The services of compose.yaml as processes of this machine: everything of a container but its image.

Each has a network namespace with an address of its own on a bridge, names as compose gives them, a file system of its
own that cannot be written but where compose.yaml says so, its user, no capabilities, and the environment, the command
and the health check of compose.yaml. In place of the image it has this machine's programs, with the checkout and its
virtual environment at the image's paths. Needs root, iproute2 and util-linux.
"""

import ctypes
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
IMAGE_CODE, IMAGE_VENV = Path("/opt/prefect"), Path("/opt/venv")
APART = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child")
ENTRYPOINT = "deploy/entrypoint.sh"
USERS = {"1001:1001": ("1001", "1001"), "redis": ("999", "999")}
_NEW_NETWORK = 0x40000000
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")


def read_compose(given: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with its variables filled in, as compose does it."""

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(fill_one, value)
        if isinstance(value, dict):
            return {key: fill(one) for key, one in value.items()}
        return [fill(one) for one in value] if isinstance(value, list) else value

    def fill_one(found: "re.Match[str]") -> str:
        dollar, name, kind, default = found.groups()
        if dollar:
            return "$"
        if given.get(name):
            return given[name]
        assert kind == "-", f"{name} is needed and was not given"
        return str(default)

    filled: dict[str, Any] = fill(yaml.safe_load((ROOT / "compose.yaml").read_text()))
    return filled


def read_image() -> dict[str, Any]:
    """What Dockerfile says of every process: environment, folder, first words of its command."""
    text = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    told = dict(re.findall(r"^(ENV|WORKDIR|USER|STOPSIGNAL|ENTRYPOINT) (.*)$", text, re.MULTILINE))
    environment = dict(pair.split("=", 1) for pair in shlex.split(told["ENV"]))
    environment["PATH"] = environment["PATH"].replace("$PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    return {**told, "ENV": environment, "ENTRYPOINT": json.loads(told["ENTRYPOINT"])}


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


class Network:
    """A bridge with a namespace for each container, and one for the test itself."""

    def __init__(self) -> None:
        self.name = f"sk{secrets.token_hex(3)}"
        self.names: list[str] = []
        self.add(self.name)
        self._ip(self.name, "link", "add", "bridge", "type", "bridge")
        self._ip(self.name, "addr", "add", "10.89.0.1/24", "dev", "bridge")
        self._ip(self.name, "link", "set", "bridge", "up")

    def add(self, name: str) -> None:
        run("ip", "netns", "add", name)
        self.names.append(name)
        self._ip(name, "link", "set", "lo", "up")

    def join(self, name: str, address: str) -> str:
        """A namespace on the bridge; its name."""
        whole = f"{self.name}-{name}"
        self.add(whole)
        end = f"v{len(self.names)}"
        self._ip(self.name, "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", whole)
        self._ip(self.name, "link", "set", end, "master", "bridge", "up")
        self._ip(whole, "addr", "add", f"{address}/24", "dev", "eth0")
        self._ip(whole, "link", "set", "eth0", "up")
        return whole

    def _ip(self, name: str, *words: str) -> None:
        run("ip", "-n", name, *words)

    @contextmanager
    def inside(self, name: str | None = None) -> Iterator[None]:
        """This thread, and what it starts, in a namespace: that of the test, or of a container."""
        libc = ctypes.CDLL(None, use_errno=True)
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{name or self.name}", os.O_RDONLY)
        try:
            assert libc.setns(there, _NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert libc.setns(before, _NEW_NETWORK) == 0
            os.close(before)
            os.close(there)

    def remove(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@dataclass
class Container:
    """One replica of a service."""

    name: str
    service: dict[str, Any]
    address: str
    namespace: str
    network: Network
    folder: Path
    volumes: Mapping[str, Path]
    image: dict[str, Any]
    hosts: str
    process: "subprocess.Popen[bytes] | None" = field(default=None)
    is_wanted: bool = False
    restarts: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def tend(self) -> None:
        """Start it again where it has ended and its restart policy says so."""
        policy, _, most = str(self.service.get("restart", "no")).partition(":")
        code = self.process.poll() if self.process and self.is_wanted else None
        if code is None:
            return
        if policy == "unless-stopped" or (policy == "on-failure" and code and self.restarts < int(most)):
            self.restarts += 1
            self.start()

    def start(self) -> None:
        self.is_wanted = True
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "root").mkdir(exist_ok=True)
        (self.folder / "hosts").write_text(self.hosts)
        script = self.folder / "start.sh"
        script.write_text(self._script())
        with self.network.inside(self.namespace), self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*APART, "sh", str(script)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"]},
            )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        own = self.image["ENV"] if self.is_ours else {"PATH": self.image["ENV"]["PATH"]}
        return {**own, **self.service.get("environment", {})}

    @property
    def is_ours(self) -> bool:
        return str(self.service["image"]).startswith("scorekeeper:")

    @property
    def command(self) -> list[str]:
        words = [str(word) for word in self.service["command"]]
        return [*self.image["ENTRYPOINT"], *words] if self.is_ours else words

    def _as_user(self, words: list[str], *more: str) -> str:
        user, group = USERS[self.service["user"]]
        environment = {"PYTHONPATH": str(IMAGE_CODE), **self.environment} if self.is_ours else self.environment
        return shlex.join([
            "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--bounding-set=-all",
            "--inh-caps=-all", *more, "env", "-i", *(f"{name}={value}" for name, value in environment.items()), *words,
        ])  # fmt: skip

    def _script(self) -> str:
        """Mounts, then the command as its user in them."""
        root = self.folder / "root"
        lines = ["set -e", "mount --make-rprivate /", f"mount -t tmpfs -o mode=755 root {root}", f"R={root}"]
        lines += ["mkdir -p $R/etc $R/proc $R/dev $R/tmp $R/run $R/root", f"cp {self.folder}/hosts $R/etc/hosts"]
        lines += ["mount -t proc proc $R/proc", "mount --rbind /dev $R/dev"]
        lines += [
            r"printf 'root:x:0:0::/root:/bin/sh\nscorekeeper:x:1001:1001::/tmp:/bin/sh\n' > $R/etc/passwd",
            r"printf 'root:x:0:\nscorekeeper:x:1001:\n' > $R/etc/group",
            "cp /etc/nsswitch.conf $R/etc/",
            "echo 'multi on' > $R/etc/host.conf",  # a name has all of its addresses, not the first alone
        ]
        for folder in ("bin", "sbin", "lib", "lib64"):
            lines.append(f"ln -s usr/{folder} $R/{folder}")
        for mount in self.service.get("tmpfs", ()):
            target, _, options = mount.partition(":")
            lines.append(f"mkdir -p $R{target} && mount -t tmpfs -o {options} tmp $R{target}")
        binds = [(Path("/usr"), Path("/usr"), "ro"), (Path("/etc/ssl"), Path("/etc/ssl"), "ro")]
        if self.is_ours:
            venv, python = Path(sys.prefix), Path(sys.base_prefix)
            binds += [(python, python, "ro"), (venv, venv, "ro"), (venv, IMAGE_VENV, "ro")]
            let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
            binds += [(ROOT / name, IMAGE_CODE / name, "ro") for name in let_in]
            binds += [(ROOT / ENTRYPOINT, IMAGE_CODE / Path(ENTRYPOINT).name, "ro")]
        for mount in self.service.get("volumes", ()):
            source, target, *mode = mount.split(":")
            binds.append((self.volumes[source], Path(target), mode[0] if mode else "rw"))
        for source, target, mode in binds:
            make = "mkdir -p" if source.is_dir() else "install -D /dev/null"
            lines.append(f"{make} $R{target}; mount --bind {shlex.quote(str(source))} $R{target}")
            lines.append(f"mount -o remount,bind,{mode} $R{target}")
        if self.service.get("read_only"):
            lines.append("mount -o remount,ro $R")
        folder = self.image["WORKDIR"] if self.is_ours else "/"
        # A change of user forgets that it is to end with its parent, so it is said again.
        command = self._as_user(self.command, "--pdeathsig=KILL")
        lines.append(f"exec chroot $R sh -c {shlex.quote(f'cd {folder} && exec {command}')}")
        return "\n".join(lines) + "\n"

    def first_process(self) -> int | None:
        """The id of its process 1 as this machine sees it; None if it has none, or none yet."""
        if self.process is None or self.process.poll() is not None:
            return None
        try:
            told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:  # it has ended meanwhile
            return None
        return int(told[0]) if told else None

    def is_healthy(self) -> bool:
        """What its health check says."""
        kind, *words = self.service["healthcheck"]["test"]
        words = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        return self.execute(*words).returncode == 0

    def execute(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it, as `docker compose exec` does."""
        first = self.first_process()
        if first is None:
            return subprocess.CompletedProcess(words, 255, "", "it does not run")
        folder = self.image["WORKDIR"] if self.is_ours else "/"
        inner = ["sh", "-c", f"cd {folder} && exec {self._as_user(list(words))}"]
        spaces = ["nsenter", f"--target={first}", "--mount", "--net", "--pid", "--root", "--wd"]
        return subprocess.run([*spaces, *inner], check=False, capture_output=True, text=True, timeout=600)

    def stop(self) -> float:
        """Ask it to end, as `docker compose stop` does; the seconds that it took. Fails if it has to be killed."""
        began, self.is_wanted = time.monotonic(), False
        if (first := self.first_process()) is not None:
            usual = self.image["STOPSIGNAL"] if self.is_ours else "SIGTERM"
            os.kill(first, getattr(signal, self.service.get("stop_signal", usual)))
            grace = float(self.service.get("stop_grace_period", "10s").removesuffix("s"))
            ended = wait_until(lambda: self.process is not None and self.process.poll() is not None, grace)
            assert ended, f"{self.name} did not end within {grace} s: {self.tail()}"
        return time.monotonic() - began

    def kill(self) -> None:
        """End all of its processes at once, and leave it at that, as `docker compose kill` does."""
        self.is_wanted = False
        if self.process is not None and self.process.poll() is None:
            os.kill(self.first_process() or self.process.pid, signal.SIGKILL)  # with process 1 all others there end
            self.process.wait(60)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
