"""Managing: where a program is managed, by the options of its command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.cli.options import CommandError
from runtime.engines.management.traces.settings import Collector, from_environment
from runtime.engines.management.traces.settings import Settings as TraceSettings
from runtime.linking.linker import LinkedManifest
from runtime.log.log import Log
from runtime.service import StartError

if TYPE_CHECKING:
    from runtime.engines.management.listener import Settings
    from runtime.engines.web.access_log import AccessLog
    from runtime.program.tracing import Tracing

NOWHERE = "off"
COLLECTOR = "telemetry.otlp"
"""The kind of an entry that names a collector."""
TOKEN, TOKEN_FILE = "RUNTIME_TOKEN", "RUNTIME_TOKEN_FILE"
"""The variables with what those have who may act, or with the file that has it."""


def token() -> str | None:
    """The token of those who may act; None if nobody may. Raises StartError for a file without."""
    path = os.environ.get(TOKEN_FILE)
    if not path or os.environ.get(TOKEN):
        return os.environ.get(TOKEN) or None
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StartError(f"{TOKEN_FILE}: '{path}' cannot be read: {reason}") from None
    if not text:
        raise StartError(f"{TOKEN_FILE}: '{path}' is empty")
    return text


def managing(folder: Path, address: str | None, hosts: Sequence[str]) -> Settings | None:
    """The settings of management; None if it is off.

    A given address is bound at once. Raises StartError if it is not available, CommandError if it
    is none.
    """
    if address == NOWHERE:
        return None
    from runtime.engines.management.listener import Settings  # it can be off

    if not address:
        return Settings(folder, None, token(), hosts)
    from runtime.engines.web.address import Address, bind  # few programs without a server need it

    try:
        parsed = Address.parse(address)
    except ValueError as error:
        raise CommandError(f"--management: {error}, or 'off'") from None
    return Settings(folder, bind(parsed), token(), hosts)


def tracing(
    linked: LinkedManifest, log: Log, *, is_managed: bool, sample: float | None = None
) -> Tracing | None:
    """Keep traces and errors, by the manifest and the variables of the environment; `sample` is the
    share that is kept in any case, in place of theirs. Raises StartError.

    None if nobody could ask for them, and there is no collector either.
    """
    folder = linked.manifest.folder.resolve()

    def settings(declared: Collector | None) -> TraceSettings:
        found = from_environment(os.environ, folder.name, declared)
        return found if sample is None else found.sampling(sample)

    declares = any(link.kind.name == COLLECTOR for link in linked.links.values())
    if settings(None).export is None and not (is_managed or declares):
        return None
    from runtime.program.tracing import Tracing  # few programs without management need it

    traced = Tracing(settings, folder)
    traced.listen(log)
    return traced


def access(form: str) -> AccessLog | None:
    """The access log in that form, on stdout; None for `off`."""
    if form == NOWHERE:
        return None
    from runtime.engines.web.access_log import AccessLog  # it is off by default

    def write(line: str) -> None:
        with suppress(OSError):  # whoever reads it has gone
            os.write(1, line.encode())

    return AccessLog(write, json=form == "json")
