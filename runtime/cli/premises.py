"""Premises: what the files that run an application elsewhere have to know of it."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from runtime.application.selection import select, stage
from runtime.engines.web.address import Address
from runtime.linking.link import LinkedEntry
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.program.exit import EXIT_MARGIN
from runtime.program.prefork import KILL_MARGIN
from runtime.registry import Registry
from runtime.supervision.lifecycle import Lifecycle
from runtime.supervision.supervisor import longest_stop

PRE_STOP = 5
"""Seconds for which a pod goes on as before, while its Service forgets it."""
_PORT = 8080
_EXTRAS = {
    "auth.jwt": "jwt",
    "db.sql.postgres": "postgres",
    "http.websocket": "websocket",
    "queue.driver.amqp": "amqp",
    "template.set": "templates",
}
"""Extras to install with the runtime, by the kinds that need them."""


class Premises(msgspec.Struct, frozen=True):
    """Facts of an application."""

    folder: Path
    port: int
    """The port of its first server."""
    stop_timeout: int
    """Seconds after which it may be killed: a bit more than a drain takes."""
    data_folder: str | None
    """The folder of its first SQLite database, relative to its own; None if there is none."""
    extras: tuple[str, ...]
    """Extras to install with the runtime."""
    tests: bool
    """True if it has tests."""

    @classmethod
    def read(cls, folder: Path) -> Premises:
        """Read them from the manifest. Raises ManifestError with every finding."""
        linked = link(read(folder, environment={}, allow_unset=True), Registry())
        kinds = {each.kind.name for each in linked.links.values()}
        return cls(
            folder.resolve(),
            next(_ports(linked), _PORT),
            math.ceil(_longest_stop(linked) + KILL_MARGIN + EXIT_MARGIN),
            next(_data_folders(linked), None),
            tuple(sorted(extra for kind, extra in _EXTRAS.items() if kind in kinds)),
            (folder / "tests").is_dir(),
        )

    @property
    def slug(self) -> str:
        """Its name as systemd, Docker and Kubernetes take it."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.folder.name.lower())[:30].strip("-")
        return plain if plain[:1].isalpha() else f"app-{plain}".strip("-")

    def values(self) -> dict[str, str]:
        """The texts for the placeholders of files."""
        data = self.data_folder or ""
        return {
            "slug": self.slug,
            "port": str(self.port),
            "stop_timeout": str(self.stop_timeout),
            "grace_period": str(self.stop_timeout + PRE_STOP),
            "pre_stop": str(PRE_STOP),
            "data_folder": data,
            "data_path": shlex.quote(str(self.folder / data)),
            "extras": f"[{','.join(self.extras)}]" if self.extras else "",
            "description": self.folder.name.replace("%", "%%"),
            "runtime": _quoted(str(Path(sys.executable).with_name("runtime"))),
            "folder": _quoted(str(self.folder)),
            "working_directory": str(self.folder).replace("%", "%%"),
        }


def _longest_stop(linked: LinkedManifest) -> float:
    services = []
    for id in select(linked).running(linked):
        found = stage(linked, id)
        assert found is not None
        fields = LinkedEntry(linked.links, linked.links[id]).fields["lifecycle"]
        services.append((found, Lifecycle.from_fields(fields).stop_timeout))
    return longest_stop(services)


def _ports(linked: LinkedManifest) -> Iterator[int]:
    for fields in _of_kind(linked, "http.service"):
        try:
            port = Address.parse(str(fields["addr"])).port
        except ValueError:
            continue  # a variable without a value
        if port:
            yield port


def _data_folders(linked: LinkedManifest) -> Iterator[str]:
    for fields in _of_kind(linked, "db.sql.sqlite"):
        folder = PurePosixPath(str(fields["file"])).parent
        if not folder.is_absolute() and folder.parts and ".." not in folder.parts:
            yield str(folder)


def _of_kind(linked: LinkedManifest, kind: str) -> Iterator[Any]:
    for each in linked.links.values():
        if each.kind.name == kind:
            yield LinkedEntry(linked.links, each).fields


def _quoted(text: str) -> str:
    """A word of a command of systemd."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[\w./%+@:-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'
