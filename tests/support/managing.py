"""A running program whose management is asked, on its address and by its socket."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from runtime.engines.management.client import Client
from tests.support.blackbox import Reply, ask_once
from tests.support.program import SOON, Program, running

ANY_PORT = "127.0.0.1:0"


@contextmanager
def sockets_folder() -> Iterator[dict[str, str]]:
    """An environment in which programs have a folder for sockets of their own.

    Not below pytest's: the path of a socket may have no more than a hundred bytes.
    """
    folder = tempfile.mkdtemp(prefix="s-")
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = folder
    try:
        yield {"XDG_RUNTIME_DIR": folder}
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
        shutil.rmtree(folder)


class Managed:
    """A program, and its management."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder
        line = program.wait_for(lambda line: line["message"].startswith("management: http"))
        self.address: str = line["message"].removeprefix("management: ")
        self.port = urlsplit(self.address).port or 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Reply:
        """One request, as `Host` says or else by the address."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
        return ask_once(connection, method, path, body, headers)

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, None, headers)

    @property
    def status(self) -> Any:
        return json.loads(self.get("/api/status").body)

    def service(self, id: str) -> Any:
        return next(each for each in self.status["services"] if each["id"] == id)

    @property
    def socket(self) -> Client:
        from runtime.engines.management.sockets import find_programs

        return Client(find_programs(self.folder)[self.program.pid], SOON)


@contextmanager
def managed(
    folder: Path,
    *options: str,
    address: str = ANY_PORT,
    env: dict[str, str] | None = None,
    before: str = "",
) -> Iterator[Managed]:
    """A program that is ready and can be asked; `before` is Python that runs first in it."""
    options = ("--management", address, *options)
    with running(folder, *options, env=env, before=before) as program:
        yield Managed(program, folder)


def samples(site: Managed) -> dict[tuple[str, str], float]:
    """The values of all metrics by name and labels, `a=1,b=2`."""
    found = {}
    for family in text_string_to_metric_families(site.get("/metrics").body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name, labels] = sample.value
    return found
