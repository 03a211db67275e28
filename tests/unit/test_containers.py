"""Dockerfile, compose.yaml and deploy/kubernetes agree with each other and with the programs that they name.

Linters, which .ci/run runs, check their form.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.main import app
from scorekeeper.settings import Settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
DOCUMENT = (ROOT / "docs/operations/containers.md").read_text()
PREFECT = yaml.safe_load((ROOT / "prefect.yaml").read_text())["prefect-version"]


def manifests() -> list[dict[str, Any]]:
    named = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert {*named, "kustomization.yaml"} == {path.name for path in KUBERNETES.glob("*.yaml")}
    return [one for name in named for one in yaml.safe_load_all((KUBERNETES / name).read_text())]


def pods() -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in manifests() if one["kind"] in ("Job", "Deployment")]


def values(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / "helm" / f"{name}.yaml").read_text())


def every(key: str, of: Any) -> Iterator[Any]:
    """Each value under a key, however deep it lies."""
    if isinstance(of, dict):
        yield from (one for name, one in of.items() if name == key)
        yield from (one for value in of.values() for one in every(key, value))
    elif isinstance(of, list):
        yield from (one for value in of for one in every(key, value))


def environments() -> dict[str, set[str]]:
    """The names in the environment of what is started, by where they stand."""
    server, worker = values("prefect-server"), values("prefect-worker")
    found = {f"compose: {name}": set(told.get("environment", {})) for name, told in COMPOSE.items()}
    found["helm: server"] = {one["name"] for one in server["global"]["prefect"]["env"]}
    found["helm: worker"] = {one["name"] for one in worker["worker"]["extraEnvVars"]}
    for pod in pods():
        found[f"manifest: {pod['containers'][0]['name']}"] = {one["name"] for one in pod["containers"][0]["env"]}
    [settings] = [one["data"] for one in manifests() if one["kind"] == "ConfigMap"]
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    image = re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", last_stage, re.MULTILINE)
    return {**found, "manifest: settings": set(settings), "Dockerfile": set(image)}


def test_each_name_in_an_environment_is_a_setting_of_prefect_or_of_ours() -> None:
    """Prefect ignores a name that it does not know: a typing error would go unnoticed."""
    from prefect.settings.legacy import _get_valid_setting_names
    from prefect.settings.models.root import Settings as PrefectSettings
    from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
    from prefect_redis.client import RedisMessagingSettings

    known = _get_valid_setting_names(PrefectSettings) | {name.upper() for name in Settings.model_fields}
    known |= {f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in RedisMessagingSettings.model_fields}
    known |= {f"PREFECT_REDIS_WORKER_CLEANUP_QUEUE_{n.upper()}" for n in RedisWorkerCleanupQueueSettings.model_fields}
    ours = {"PATH", "HOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    others = ("compose: postgres", "compose: redis")
    unknown = {place: names - known - ours for place, names in environments().items() if place not in others}
    assert {place: names for place, names in unknown.items() if names} == {}


def test_only_who_asks_prefects_server_knows_it_and_has_its_password() -> None:
    """A dashboard that has one of the two says that the server is away."""
    given = environments()
    shared = given.pop("manifest: settings")  # all of the manifests have it
    knows = {place for place, names in given.items() if "PREFECT_API_URL" in names | shared}
    assert knows == {place for place, names in given.items() if "PREFECT_API_AUTH_STRING" in names} > {
        "compose: watcher", "manifest: watcher"
    }  # fmt: skip


def test_both_run_prefects_server_with_the_same_settings() -> None:
    chart = {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_UI_API_URL", "PREFECT_SERVER_UI_STATIC_DIRECTORY"}
    chart |= {"PREFECT_SERVER_LOGGING_LEVEL", "PREFECT_API_DATABASE_CONNECTION_URL"}  # has fields of its own for them
    found = environments()
    assert found["compose: prefect"] == found["compose: prefect-services"] == found["helm: server"] | chart
    assert values("prefect-server")["server"]["replicaCount"] == COMPOSE["prefect"]["deploy"]["replicas"] == 2
    assert values("prefect-worker")["worker"]["replicaCount"] == COMPOSE["worker"]["deploy"]["replicas"] == 2


def test_each_command_is_one_of_scorekeeper_with_its_options() -> None:
    """Those of Prefect are started by tests/faults/test_compose.py."""
    commands = [told["command"] for told in COMPOSE.values() if told.get("command")]
    commands += [pod["containers"][0]["args"] for pod in pods()]
    of_ours = [words for words in commands if words[0] == "scorekeeper"]
    assert len(of_ours) == 8
    group = typer.main.get_command(app)
    for _, name, *options in of_ours:
        known = {spelling for option in group.commands[name].params for spelling in option.opts}  # type: ignore[attr-defined]
        assert {word for word in options if word.startswith("--")} <= known, name


def test_nothing_of_ours_runs_as_root_or_can_write_its_own_files() -> None:
    assert "\nUSER 1001:1001\n" in (ROOT / "Dockerfile").read_text()
    for name, told in COMPOSE.items():
        if name not in ("postgres", "redis"):  # their images lower their rights themselves
            assert (told["user"], told["read_only"], told["cap_drop"]) == ("1001:1001", True, ["ALL"]), name
    for pod in pods():
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 1001)
        rights = pod["containers"][0]["securityContext"]
        assert (rights["readOnlyRootFilesystem"], rights["capabilities"]) == (True, {"drop": ["ALL"]})
        assert rights["allowPrivilegeEscalation"] is pod["automountServiceAccountToken"] is False


def test_passwords_have_no_default_and_secrets_are_those_that_the_document_makes() -> None:
    for name in set(re.findall(r"\$\{(\w*(?:PASSWORD|TOKEN)\w*)([^}]*)\}", (ROOT / "compose.yaml").read_text())):
        assert name[1] == ":?", name
        assert name[0] in DOCUMENT, name
    asked = {(one["name"], one["key"]) for source in (manifests(), values("prefect-server"), values("prefect-worker"))
             for one in every("secretKeyRef", source)}  # fmt: skip
    asked |= {("scorekeeper-prefect", "auth-string"), ("scorekeeper-prefect", "connection-string")}  # the charts' own
    made = {
        (name, key)
        for name, keys in re.findall(r"create secret generic (\S+)((?: \\\n +--from-literal=\S+)+)", DOCUMENT)
        for key in re.findall(r"--from-literal=([a-z-]+)=", keys)
    }
    assert asked == made


@pytest.mark.parametrize("place", ["helm/prefect-server.yaml", "helm/prefect-worker.yaml", "kustomization.yaml"])
def test_the_image_is_tagged_with_the_version_of_prefect_that_it_holds(place: str) -> None:
    """The chart of the server reads it from there."""
    tags = re.findall(r"(?:prefectTag|newTag): (\S+)", (KUBERNETES / place).read_text())
    assert [tag.partition("-scorekeeper-")[0] for tag in tags] == [PREFECT]
