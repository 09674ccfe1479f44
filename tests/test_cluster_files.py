"""The files of examples/cluster agree with one another, and with the application."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.application.application import Application
from runtime.application.selection import select
from runtime.linking.linker import link
from runtime.manifest.override import Override
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.units import parse_duration
from tests.support.cluster import (
    CLUSTER,
    compose,
    dockerfile,
    entrypoint,
    manifests,
    variables,
)

SERVICES = ("web", "worker")
services = pytest.mark.parametrize("service", SERVICES)


def pod(kind: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifests()[kind, name]["spec"]["template"]["spec"]
    return spec


def container(kind: str, name: str) -> dict[str, Any]:
    (only,) = pod(kind, name)["containers"]
    assert only["name"] == name
    found: dict[str, Any] = only
    return found


def secret_files(kind: str, name: str) -> dict[str, str]:
    """The files that a pod finds in its secrets, and their keys there."""
    mounts = {it["name"]: it["mountPath"] for it in container(kind, name)["volumeMounts"]}
    return {
        f"{mounts[volume['name']]}/{item['path']}": item["key"]
        for volume in pod(kind, name)["volumes"]
        if "secret" in volume
        for item in volume["secret"]["items"]
    }


def entries() -> dict[str, dict[str, Any]]:
    """The entries of the application by name."""
    manifest = yaml.safe_load((CLUSTER / "src" / "_index.yaml").read_text("utf-8"))
    return {entry["name"]: entry for entry in manifest["entries"]}


def port(server: str) -> int:
    return int(entries()[server]["addr"].removeprefix(":"))


def drain_budget(folder: Path, service: str) -> float:
    """The seconds that a drain of that service takes at most, by its supervisor."""
    budgets: list[float] = []
    given = [f"app:db:file={folder / 'orders.db'}"]
    given += [word for word in entrypoint() if word.startswith("app:gateway:")]
    application = link(read(CLUSTER, [*map(Override.parse, given)]), Registry())
    only = compose()["services"][service]["command"][1].split(",")

    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        chosen = select(application, only)
        await Application(application, chosen, on_budget=budgets.append).serve(stop)

    asyncio.run(main())
    return budgets[0]


@services
def test_compose_and_kubernetes_start_the_same_part_of_the_application(service: str) -> None:
    declared = compose()["services"][service]
    arguments = container("Deployment", service)["args"]

    assert declared["command"] == arguments
    option, only = arguments
    assert option == "--only"
    select(link(read(CLUSTER), Registry()), only.split(","))  # raises for an unknown name


@services
def test_the_image_is_the_same_everywhere(service: str) -> None:
    declared = compose()["services"][service]

    assert declared["image"] == container("Deployment", service)["image"] == "orders"
    context = (CLUSTER / declared["build"]["context"]).resolve()
    assert (context / declared["build"]["dockerfile"]).samefile(CLUSTER / "Dockerfile")
    for instruction, argument in dockerfile():
        source = argument.split()[0]
        if instruction == "COPY":
            assert (context / source).exists(), source


def test_the_program_is_pid_1_and_not_root() -> None:
    words = entrypoint()
    ((_, user),) = [line for line in dockerfile() if line[0] == "USER"]

    assert words[:2] == ["runtime", "run"]
    assert re.fullmatch(r"([1-9]\d+):\1", user)
    for service in SERVICES:
        assert pod("Deployment", service)["securityContext"]["runAsNonRoot"]
        assert str(pod("Deployment", service)["securityContext"]["fsGroup"]) in user


@services
def test_the_secrets_that_the_image_reads_are_mounted_and_in_no_variable(service: str) -> None:
    (url,) = re.findall(r"\$\{file:([^}]+)\}", " ".join(entrypoint()))
    paths = [url, variables()["RUNTIME_TOKEN_FILE"]]

    assert {path.rpartition("/")[0] for path in paths} == {"/run/secrets"}  # where Docker has them
    assert compose()["services"][service]["secrets"] == [path.rpartition("/")[2] for path in paths]
    assert set(paths) == secret_files("Deployment", service).keys()
    assert "env" not in container("Deployment", service)


def test_the_password_of_postgres_is_mounted_where_it_looks() -> None:
    environment = {it["name"]: it["value"] for it in container("StatefulSet", "postgres")["env"]}
    declared = compose()["services"]["postgres"]

    path = environment["POSTGRES_PASSWORD_FILE"]
    assert path in secret_files("StatefulSet", "postgres")
    assert declared["environment"]["POSTGRES_PASSWORD_FILE"] == path
    assert declared["secrets"] == [path.rpartition("/")[2]]
    for name in ("POSTGRES_USER", "POSTGRES_DB"):
        assert declared["environment"][name] == environment[name]


def test_the_readme_makes_the_secrets_that_the_files_name() -> None:
    readme = (CLUSTER / "README.md").read_text("utf-8")
    made = set(re.findall(r"> (secrets/\w+)$", readme, flags=re.MULTILINE))
    kept = dict(re.findall(r"--from-file=(\w+)=(secrets/\w+)", readme))
    (secret,) = set(re.findall(r"create secret generic (\S+)", readme))

    assert {it["file"].removeprefix("./") for it in compose()["secrets"].values()} == made
    assert set(kept.values()) == made
    pods = [("StatefulSet", "postgres"), *(("Deployment", service) for service in SERVICES)]
    for kind, name in pods:
        volumes = [it for it in pod(kind, name)["volumes"] if "secret" in it]
        assert {it["secret"]["secretName"] for it in volumes} == {secret}
        for path, key in secret_files(kind, name).items():
            assert path.rpartition("/")[2] == kept[key].removeprefix("secrets/")


def test_selectors_find_the_pods_and_services_their_ports() -> None:
    every = manifests()
    pods = [it["spec"]["template"] for it in every.values() if "template" in it["spec"]]
    for (kind, name), document in every.items():
        spec = document["spec"]
        labels = spec["selector"] if kind == "Service" else spec["selector"]["matchLabels"]
        (found,) = [it for it in pods if labels.items() <= it["metadata"]["labels"].items()]
        (only,) = found["spec"]["containers"]
        assert only["name"] == name
        if kind == "Service":
            declared = {port["name"] for port in only["ports"]}
            assert {port.get("targetPort", port["name"]) for port in spec["ports"]} <= declared


def test_every_volume_is_declared_and_mounted() -> None:
    for (kind, name), document in manifests().items():
        if "template" not in document["spec"]:
            continue
        claims = document["spec"].get("volumeClaimTemplates", [])
        declared = {it["name"] for it in pod(kind, name)["volumes"]}
        declared |= {claim["metadata"]["name"] for claim in claims}
        assert {it["name"] for it in container(kind, name)["volumeMounts"]} == declared


def test_everything_in_the_folder_is_applied() -> None:
    assert {kind for kind, _ in manifests()} >= {"Deployment", "StatefulSet", "Service"}
    files = {path.name for path in (CLUSTER / "kubernetes").glob("*.yaml")}
    kustomization = (CLUSTER / "kubernetes" / "kustomization.yaml").read_text("utf-8")
    assert files == {*re.findall(r"- (\S+\.yaml)", kustomization), "kustomization.yaml"}


@services
def test_probes_ask_what_the_application_serves(service: str) -> None:
    ports = {it["name"]: it["containerPort"] for it in container("Deployment", service)["ports"]}
    words = entrypoint()
    management = int(words[words.index("--management") + 1].rpartition(":")[2])

    assert ports["management"] == management
    assert ports.get("http", port("gateway")) == port("gateway")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container("Deployment", service)[probe]["httpGet"]
        assert asked["path"] in ("/livez", "/readyz")
        assert asked["port"] == "management"
    check = compose()["services"][service]["healthcheck"]["test"][-1]
    assert f":{management}/readyz" in check


@services
def test_a_drain_ends_before_the_orchestrator_kills(service: str, tmp_path: Path) -> None:
    budget = drain_budget(tmp_path, service)

    readme = (CLUSTER / "README.md").read_text("utf-8")
    assert re.search(rf"\b{budget:.0f} s for (a )?{service}\b", readme)
    assert budget < pod("Deployment", service)["terminationGracePeriodSeconds"]
    assert budget < parse_duration(compose()["services"][service]["stop_grace_period"])
