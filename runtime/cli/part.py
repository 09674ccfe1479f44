"""Part: a part of an application, for a command that works with it in this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from runtime.application.part import Part
from runtime.entry_id import EntryId
from runtime.exit_codes import ExitCode
from runtime.handlers.context import log_origin
from runtime.linking.linker import LinkedManifest
from runtime.log import log as logs
from runtime.log.hooks import install_hooks
from runtime.log.records import install
from runtime.loggers import limit, logger
from runtime.service import StartError


def open_log(level: str) -> logs.Log:
    """The log of all that happens in this process from now on."""
    log = logs.for_terminal(None, level, os.environ)
    install(log, log_origin)
    install_hooks(log)
    return log


def build_part(linked: LinkedManifest, ids: Iterable[EntryId]) -> Part:
    """Build these entries and what they need; logs and exits with 4 if a handler is missing."""
    log = open_log("info")
    limit(logging.WARNING)  # of what the runtime does, only what goes wrong
    part = Part(linked, ids, log)
    with start_errors():
        part.build()
    return part


@contextmanager
def start_errors() -> Iterator[None]:
    """Log a StartError of the block, and exit with 4."""
    try:
        yield
    except StartError as error:
        logger("runtime").error("%s", error)
        sys.exit(ExitCode.START_FAILED)
