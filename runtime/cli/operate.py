"""Operate: have something done by the program that runs an application, or to its database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from typing import Any, Protocol

from runtime.application.operations.host import named
from runtime.application.operations.table import operations
from runtime.application.part import Part
from runtime.cli.options import Chosen, CommandError
from runtime.cli.part import open_log, start_errors
from runtime.cli.programs import find_running, good_answers_of
from runtime.cli.unmade import Unmade, as_empty, tell_made, tell_unmade, unmade
from runtime.cli.whereabouts import load_in_place
from runtime.codec import decode, encode_response
from runtime.engines.management.client import Client, NoAnswer
from runtime.engines.management.operation import LIMIT
from runtime.entry_id import EntryId
from runtime.linking.linker import LinkedManifest
from runtime.service import Stage

_KINDS = ("queue.queue", "event.subscriber", "schedule.*")
_VOLATILE = "queue.driver.memory"


class Operator(Protocol):
    """Whoever carries out operations."""

    def ask(self, operation: str, **arguments: Any) -> Any:
        """The result of an operation. Raises CommandError with what it says if it was refused."""
        ...


@contextmanager
def operating(chosen: Chosen, into: str | None = None) -> Iterator[Operator]:
    """The program that runs the application, or else its durable queues themselves.

    Of several programs, the first that knows the entry is asked. A database whose file is not made
    yet is an empty one, and stays unmade unless `into`, a queue or schedule that is written to, is
    kept in it.
    """
    programs = find_running(chosen.folder, LIMIT)
    if programs:
        yield _Programs(programs)
    else:
        linked = load_in_place(chosen)
        with _stored(linked, into) as operator:
            yield operator


class _Programs:
    def __init__(self, programs: Mapping[int, Client]) -> None:
        self._programs = programs

    def ask(self, operation: str, **arguments: Any) -> Any:
        refusals = []
        for pid, client in self._programs.items():
            try:
                answer = client.post(f"/api/operations/{operation}", arguments)
            except NoAnswer as error:
                refusals.append(f"process {pid}: {error}")
                continue
            if answer.status == 200:
                return answer.json["result"]
            refusals.append(answer.problem)
            if answer.status != 404:
                break
        raise CommandError(refusals[-1])


class _Stored:
    """The durable queues of an application that does not run, without anything else of it."""

    def __init__(
        self,
        part: Part,
        kept: Sequence[EntryId],
        absent: Mapping[str, str],
        empty: Unmade,
        runner: asyncio.Runner,
    ) -> None:
        """`kept` are the queues and schedules, `absent` the reasons for others; the databases in
        `empty` are not made yet.
        """
        self._part = part
        self._kept = kept
        self._absent = absent
        self._empty = empty
        self._table = operations(part)
        self._runner = runner

    def ask(self, operation: str, **arguments: Any) -> Any:
        name = arguments.get("queue") or arguments.get("id", "")
        if "queue" in arguments or "id" in arguments:
            self._find(name)
        tell_unmade(_among(self._empty, self._part.linked, _meant(self._kept, name)))
        try:
            return _as_json(self._runner.run(self._table[operation](**arguments)))
        except LookupError as error:
            raise CommandError(str(error.args[0])) from None
        except ValueError as error:
            raise CommandError(str(error)) from None

    def _find(self, id: str) -> None:
        """Raises CommandError with the reason if what has this id, or name, is not kept."""
        known = {**dict.fromkeys(map(str, self._part.components)), **self._absent}
        with suppress(LookupError):  # the operation tells of it, with those that there are
            if reason := named(known, id, "entry"):
                raise CommandError(reason)


@contextmanager
def _stored(linked: LinkedManifest, into: str | None) -> Iterator[_Stored]:
    kept, absent = _durable(linked)
    if not kept:
        raise CommandError(
            "the application does not run, and none of its queues is kept anywhere else"
        )
    missing = unmade(linked, kept)
    written = _among(missing, linked, _meant(kept, into)) if into else {}
    empty = {id: path for id, path in missing.items() if id not in written}
    with as_empty(linked, empty) as opened, start_errors(), asyncio.Runner() as runner:
        part = Part(opened, kept, open_log("error"))
        part.build()
        resources = part.open((Stage.RESOURCE,))
        runner.run(resources.__aenter__())
        tell_made(written)
        try:
            yield _Stored(part, kept, absent, empty, runner)
        finally:
            runner.run(resources.__aexit__(None, None, None))


def _meant(kept: Sequence[EntryId], name: str) -> Sequence[EntryId]:
    """Those of this id, or name; all without a name, and none if it is unknown."""
    with suppress(LookupError):  # the operation tells of it
        return [named({str(id): id for id in kept}, name, "entry")] if name else kept
    return ()


def _among(databases: Unmade, linked: LinkedManifest, ids: Sequence[EntryId]) -> Unmade:
    """Those that these entries need."""
    needed = linked.graph.reach(ids)
    return {id: path for id, path in databases.items() if id in needed}


def _durable(linked: LinkedManifest) -> tuple[list[EntryId], Mapping[str, str]]:
    """The queues and schedules that are kept; and the others, each with the reason."""
    kept, absent = [], {}
    for id, link in linked.links.items():
        if not any(fnmatchcase(link.kind.name, pattern) for pattern in _KINDS):
            continue
        needed = [linked.links[each].kind.name for each in linked.graph.reach([id])]
        if _VOLATILE in needed:
            absent[str(id)] = f"'{id}' is in memory only, and the application does not run"
        elif any(name.startswith("queue.driver.") for name in needed):
            kept.append(id)
        else:
            absent[str(id)] = f"'{id}' calls a function, and the application does not run"
    return kept, absent


def _as_json(value: Any) -> Any:
    """The value as it would come over HTTP."""
    return decode(encode_response(value))


def queue_lengths(chosen: Chosen) -> list[Mapping[str, Any]]:
    """All queues as /api/status has them; without rates if the application does not run.

    Of a queue of several programs the one that is asked first tells.
    """
    found: dict[str, Mapping[str, Any]] = {}
    programs = find_running(chosen.folder, LIMIT)
    for answer in good_answers_of(programs, "/api/status"):
        for each in answer.json["queues"]:
            found.setdefault(each["id"], each)
    if not programs:
        with operating(chosen) as operator:
            for each in operator.ask("queues.lengths"):
                found[each["id"]] = {**each, "in_rate": None, "out_rate": None}
    return [*found.values()]
