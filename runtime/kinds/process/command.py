"""process.command: a program of any language, under the supervisor."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterable

import msgspec

from runtime.engines.command.command import Command, Program, Readiness
from runtime.findings.finding import Note, Problem
from runtime.kind import BuildContext, Kind, Linked, Stage


class Config(msgspec.Struct, frozen=True, kw_only=True):
    command: list[str]
    directory: str
    environment: dict[str, str]
    inherit_environment: bool
    type: str
    ready: Readiness
    stop_signal: str


def build(config: Config, context: BuildContext) -> Command:
    inherited = os.environ if config.inherit_environment else {}
    program = Program(
        argv=config.command,
        directory=context.path(config.directory),
        environment={**inherited, **config.environment},
        stop_signal=signal.Signals[config.stop_signal].value,
        oneshot=config.type == "oneshot",
        readiness=config.ready,
    )
    return Command(str(context.id), program)


def check(entry: Linked) -> Iterable[Problem]:
    ready = entry.fields["ready"]
    if ("line" in ready or "port" in ready) and entry.fields["type"] == "oneshot":
        message = "a oneshot is ready when it has ended, and not by a line or a port"
        yield Problem(("ready",), message, "remove it, or write 'type: simple'")
    if (line := ready.get("line")) is not None:
        try:
            re.compile(line)
        except re.error as error:
            yield Problem(("ready", "line"), f"no regular expression: {error}")
    if "line" in ready and "port" in ready:
        yield Problem(("ready", "port"), "it has both a line and a port", "remove one of them")
    name = entry.fields["command"][0]
    if "/" not in name and shutil.which(name) is None:
        yield Note(("command", 0), f"there is no program '{name}' on this machine")


kind = Kind("process.command", Config, build, stage=Stage.PROCESS, check=check)
