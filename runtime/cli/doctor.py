"""runtime doctor: what this machine lacks for an application."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from runtime.cli.addresses import try_addresses
from runtime.cli.options import Chosen, application, json_option
from runtime.cli.whereabouts import load_in_place
from runtime.engines.management.sockets import NoSocket, find_programs, open_socket
from runtime.exit_codes import ExitCode
from runtime.findings.finding import printable
from runtime.findings.remark import Remark, State
from runtime.linking.link import LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.program.machine import examine_machine

_MARKS = {State.OK: "ok", State.WARNING: "warning", State.FAILURE: "FAILURE"}


@click.command(
    "doctor",
    epilog="Exit codes: 0 it can start, 2 usage, 3 findings, 4 something keeps it from starting.",
)
@application
@json_option
def command(chosen: Chosen, as_json: bool) -> None:
    """Say what this machine lacks for the application in DIR (default: here).

    Looks at the limits and the clock of the machine, at the files, folders and ports of the
    application, and asks its servers for an answer. Nothing is started, created or changed.
    """
    linked = load_in_place(chosen)
    remarks = [*_remarks(linked)]
    if as_json:
        print(json.dumps([_as_data(about, remark) for about, remark in remarks], indent=2))
    else:
        _print(remarks)
    if any(remark.state is State.FAILURE for _, remark in remarks):
        sys.exit(ExitCode.START_FAILED)


def _remarks(linked: LinkedManifest) -> Iterator[tuple[str, Remark]]:
    """Remarks, each with what it is about: `machine`, or the id of an entry."""
    folder = linked.manifest.folder
    running = sorted(find_programs(folder))
    for remark in examine_machine():
        yield "machine", remark
    yield "machine", _commands_reach_it(folder)
    for id, link in linked.links.items():
        if link.kind.examine is not None:
            for remark in link.kind.examine(LinkedEntry(linked.links, link), folder):
                yield str(id), _unless_own(remark, running)
    answers, unanswered = asyncio.run(try_addresses(linked))
    for answer in answers:
        about, _, text = answer.partition(" answers: ")
        yield about, Remark(State.OK, f"it answers: {text}")
    for finding in unanswered:
        yield str(finding.position), Remark(State.FAILURE, finding.message, finding.hint)


def _commands_reach_it(folder: Path) -> Remark:
    try:
        opened, path = open_socket(folder)
    except NoSocket as error:
        hint = "set XDG_RUNTIME_DIR to a folder of this user; the application runs without"
        return Remark(State.WARNING, f"commands could not reach it: {error}", hint)
    opened.close()
    path.unlink(missing_ok=True)
    return Remark(State.OK, f"commands reach it in {path.parent}")


def _unless_own(remark: Remark, running: Iterable[int]) -> Remark:
    """The remark, or a milder one if it may be about a program of this very application."""
    if remark.state is State.FAILURE and "in use" in remark.text:
        for pid in running:
            where = remark.text.partition(" is in use")[0]
            return Remark(State.OK, f"{where} is that of this application, process {pid}")
    return remark


def _print(remarks: Iterable[tuple[str, Remark]]) -> None:
    rows = [(_MARKS[remark.state], about, remark) for about, remark in remarks]
    width = max(len(about) for _, about, _ in rows)
    for mark, about, remark in rows:
        print(printable(f"{mark:7}  {about:{width}}  {remark.text}"))
        if remark.hint is not None and remark.state is not State.OK:
            print(printable(f"{'':7}  {'':{width}}  → {remark.hint}"))


def _as_data(about: str, remark: Remark) -> dict[str, str | None]:
    state = remark.state.value
    return {"state": state, "about": about, "text": remark.text, "hint": remark.hint}
