"""The deployment of examples/cluster: what its files say, and replicas that run as they say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from runtime.codec import decode
from tests.support.blackbox import ROOT
from tests.support.hosts import Host
from tests.support.program import Program

CLUSTER = ROOT / "examples" / "cluster"

_AS_CONTAINER = """
set -e
hostname "$1"
mount -t tmpfs secrets /run
mkdir /run/secrets
cp "$2"/* /run/secrets/
shift 2
exec "$@"
"""
"""A host name and the secrets of its own, which no other program sees."""


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CLUSTER / "compose.yaml").read_text("utf-8"))
    return document


def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    """What is applied to Kubernetes, by kind and name."""
    folder = CLUSTER / "kubernetes"
    files = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]
    found = [
        document
        for file in files
        for document in yaml.safe_load_all((folder / file).read_text("utf-8"))
    ]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


def dockerfile(folder: Path = CLUSTER) -> list[tuple[str, str]]:
    """Its instructions and their arguments, in order."""
    text = (folder / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def variables() -> dict[str, str]:
    """What the image sets."""
    lines = [rest for word, rest in dockerfile() if word == "ENV"]
    return dict(line.split("=", 1) for line in lines)


def entrypoint() -> list[str]:
    """The command of every container. It begins with `runtime`."""
    ((_, command),) = [line for line in dockerfile() if line[0] == "ENTRYPOINT"]
    words: list[str] = decode(command.encode())
    return words


class Deployment:
    """A folder with the application, and the secrets that its replicas are given."""

    def __init__(self, folder: Path, **secrets: str) -> None:
        self._application = folder / "application"
        shutil.copytree(CLUSTER / "src", self._application / "src")
        self._secrets = folder / "secrets"
        self._secrets.mkdir()
        for name, text in secrets.items():
            (self._secrets / name).write_text(f"{text}\n", encoding="utf-8")

    def start(self, service: str, host: Host) -> Replica:
        """Start what compose.yaml starts as that service, on that host."""
        return Replica(service, host, self._application, self._secrets)


class Replica:
    """One container of a service, as a process in the network of a host."""

    def __init__(self, service: str, host: Host, application: Path, secrets: Path) -> None:
        self.service = service
        self.name = f"{service}-{host.namespace}"
        self.host = host
        container = ("unshare", "--uts", "--mount", "sh", "-c", _AS_CONTAINER, "sh")
        command = [*entrypoint(), *compose()["services"][service]["command"]]
        assert command[0] == "runtime"
        self.program = Program(
            [*host.within, *container, self.name, str(secrets), sys.executable, "-m", *command],
            variables(),
            application,
        )

    def wait_until_ready(self) -> None:
        self.program.wait_for("ready in")

    def is_healthy(self) -> bool:
        """Run the health check of compose.yaml on its host."""
        kind, program, *arguments = compose()["services"][self.service]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        check = [*self.host.within, sys.executable, *arguments]
        return subprocess.run(check, capture_output=True).returncode == 0
