"""What `runtime init --with` writes agrees with the application, and with who reads it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.application.application import Application
from runtime.cli import command as program
from tests.support.blackbox import execute, write_files
from tests.support.cluster import dockerfile
from tests.support.managing import managed

MANIFEST = """
    namespace: app
    entries:
      - name: gateway
        kind: http.service
        addr: ":8123"
        lifecycle: {auto_start: true, stop_timeout: 77s}
      - {name: db, kind: db.sql.sqlite, file: state/app.db, lifecycle: {auto_start: true}}
      - {name: token, kind: auth.jwt, algorithms: [HS256], secret: "${secret:KEY}"}
"""


@pytest.fixture
def application(tmp_path: Path) -> Path:
    folder = write_files(tmp_path / "My shop, 2%", {"_index.yaml": MANIFEST})
    ended = execute("init", str(folder), "--with", "docker,systemd,compose,k8s,vscode")
    assert ended.code == 0, ended.err
    return folder


def drain_budget(folder: Path) -> float:
    """The seconds that a drain takes at most, by the supervisor."""
    budgets: list[float] = []

    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        found = Application.load(folder, environment={"KEY": "k" * 32})
        await Application(found.linked, on_budget=budgets.append).serve(stop)

    asyncio.run(main())
    return budgets[0]


def documents(folder: Path) -> dict[str, dict[str, Any]]:
    text = (folder / "kubernetes.yaml").read_text("utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def container(folder: Path) -> dict[str, Any]:
    (only,) = documents(folder)["Deployment"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def unit(folder: Path) -> dict[str, str]:
    """The section [Service]."""
    parser = ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(folder / "my-shop-2.service")
    return dict(parser["Service"])


def is_command(words: list[str]) -> bool:
    """True for a command line that `runtime` understands."""
    assert words[0] == "runtime"
    found = program.get_command(program.make_context("runtime", [words[1]]), words[1])
    assert found is not None
    found.make_parser(found.context_class(found)).parse_args(words[2:])
    return True


def test_every_orchestrator_waits_for_the_drain(application: Path) -> None:
    budget = drain_budget(application)
    compose = yaml.safe_load((application / "compose.yaml").read_text("utf-8"))
    seconds = int(compose["services"]["app"]["stop_grace_period"].removesuffix("s"))
    pod = documents(application)["Deployment"]["spec"]["template"]["spec"]
    (before,) = [
        int(word) for word in container(application)["lifecycle"]["preStop"]["exec"]["command"][1:]
    ]

    assert 77 < budget < seconds < budget + 10
    assert int(unit(application)["TimeoutStopSec"]) == seconds
    assert pod["terminationGracePeriodSeconds"] == seconds + before


def test_systemd_takes_the_unit(application: Path) -> None:
    section = unit(application)

    assert section["Type"] == "notify"
    assert section["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert section["WatchdogSec"] == "30"
    assert section["ExecStart"].endswith(f'run "{str(application).replace("%", "%%")}"')
    if shutil.which("systemd-analyze"):
        file = application / "my-shop-2.service"
        done = subprocess.run(
            ["systemd-analyze", "verify", file], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_image_is_small_and_its_program_is_pid_1_and_not_root(application: Path) -> None:
    lines = dockerfile(application)
    words = dict(lines)
    stages = [rest for word, rest in lines if word == "FROM"]

    assert [stage.split()[0] for stage in stages] == ["python:3.13-slim"] * 2
    assert re.fullmatch(r"([1-9]\d+):\1", words["USER"])
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert is_command(json.loads(words["CMD"]))
    assert is_command(json.loads(words["HEALTHCHECK"].partition("CMD ")[2]))
    assert words["EXPOSE"] == "8123 9464"
    assert "state" in (application / ".dockerignore").read_text().splitlines()
    for word, rest in lines:
        if word == "COPY" and "--from" not in rest and rest != ". .":
            assert (application / rest.split()[0]).exists()
    assert "manifest-runtime[jwt]" in (application / "requirements.txt").read_text().splitlines()


def test_compose_runs_the_image(application: Path) -> None:
    compose = yaml.safe_load((application / "compose.yaml").read_text("utf-8"))
    service = compose["services"]["app"]

    assert service["build"] == "."
    assert is_command(service["healthcheck"]["test"][1:])
    assert service["ports"] == ["8123:8123"]
    (volume,) = service["volumes"]
    assert volume == "data:/app/state"
    assert [*compose["volumes"]] == ["data"]


def test_the_parts_of_kubernetes_agree(application: Path) -> None:
    every = documents(application)
    deployment = every["Deployment"]["spec"]
    pod = deployment["template"]
    ports = {each["name"] for each in container(application)["ports"]}

    assert deployment["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert every["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert {each["targetPort"] for each in every["Service"]["spec"]["ports"]} <= ports
    assert {each["name"] for each in container(application)["volumeMounts"]} == {
        each["name"] for each in pod["spec"]["volumes"]
    }
    claims = [
        each["persistentVolumeClaim"] for each in pod["spec"]["volumes"] if "emptyDir" not in each
    ]
    assert claims == [{"claimName": every["PersistentVolumeClaim"]["metadata"]["name"]}]
    assert container(application)["image"] == "my-shop-2"


def test_without_a_database_nothing_is_mounted_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "hello"
    assert execute("init", str(folder), "--with", "compose,k8s").code == 0
    compose = yaml.safe_load((folder / "compose.yaml").read_text("utf-8"))

    assert [*documents(folder)] == ["Deployment", "Service"]
    assert "volumes" not in compose
    assert "strategy" not in documents(folder)["Deployment"]["spec"]


def test_the_probes_are_answered(application: Path) -> None:
    args = container(application)["args"]
    assert is_command(args)
    assert args[:3] == ["runtime", "run", "--management"]
    port = args[3].removeprefix(":")
    found = {each["name"]: each["containerPort"] for each in container(application)["ports"]}
    assert found["management"] == int(port)
    template = documents(application)["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == port

    addr = "app:gateway:addr=127.0.0.1:0"
    with managed(application, "-o", addr, address="0.0.0.0:0", env={"KEY": "k" * 32}) as site:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container(application)[probe]["httpGet"]
            assert asked["port"] == "management"
            assert site.ask("GET", asked["path"]).status == 200
        assert site.ask("GET", "/metrics").status == 200


def test_the_problem_matcher_reads_every_finding(application: Path) -> None:
    tasks = json.loads((application / ".vscode" / "tasks.json").read_text())["tasks"]
    settings = json.loads((application / ".vscode" / "settings.json").read_text())
    (matcher,) = [each["problemMatcher"]["pattern"] for each in tasks if each["problemMatcher"]]
    (schema,) = settings["yaml.schemas"]
    assert all(is_command([each["command"], *each["args"]]) for each in tasks)
    assert (application / schema).exists()
    with (application / "_index.yaml").open("a") as manifest:
        manifest.write("  - {name: one, kind: nope}\n  - {name: two, kind: http.router, x: 1}\n")

    told = execute("validate", "--allow-unset", cwd=application)

    found = [re.fullmatch(matcher["regexp"], line) for line in (told.out + told.err).splitlines()]
    read = [
        (match[matcher["file"]], match[matcher["severity"]], match[matcher["message"]][:12])
        for match in found
        if match
    ]
    assert ("_index.yaml", None, "unknown kind") in read
    assert "note" in {level for _, level, _ in read}
    for match in filter(None, found):
        assert (application / match[matcher["file"]]).exists()
        assert int(match[matcher["line"]]) > 0
        assert int(match[matcher["column"]]) > 0
