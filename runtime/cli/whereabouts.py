"""Whereabouts: a word on the folder that runs, if another one is likely meant."""

from __future__ import annotations

import shlex
from pathlib import Path

from runtime.findings.display import display_path
from runtime.linking.linker import LinkedManifest
from runtime.loggers import logger
from runtime.manifest.search import application_around, application_within

log = logger("runtime")


def tell_whereabouts(folder: Path, linkage: LinkedManifest, command: str) -> None:
    """Warn if `folder`, which `runtime COMMAND` runs, is a part of an application or around it."""
    if around := application_around(folder):
        text = "'%s' is part of the application at '%s', and relative paths start in the former"
        log.warning(text, folder, around)
    manifest = linkage.manifest
    within = application_within(manifest.folder, (Path(each.path) for each in manifest.documents))
    if within is not None:
        name = display_path(within)
        log.warning(
            "'%s' runs, with the application at '%s' as a part, and relative paths start in the "
            "former; write 'runtime %s %s' for the latter alone",
            folder,
            name,
            command,
            shlex.quote(name),
        )
