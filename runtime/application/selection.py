"""Selection: the services of an application that a process runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from runtime.entry_id import EntryId
from runtime.findings.suggestion import did_you_mean
from runtime.linking.link import LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.service import Stage

_SHOWN = 12
"""The number of services that an error lists as choices."""


ALWAYS = (Stage.RESOURCE, Stage.MIGRATION)
"""The stages that nobody chooses or leaves out."""


class WrongChoice(ValueError):
    """A named service cannot be chosen, or not be left out. The text is one sentence."""


class Selection(msgspec.Struct, frozen=True):
    """The services to start, with all that they need."""

    wanted: frozenset[EntryId]
    left_out: Sequence[EntryId] = ()
    """Services of the application that do not run in this program."""
    elsewhere: frozenset[EntryId] = frozenset()
    """Services that another worker runs: even if needed, neither started nor waited for."""

    def running(self, linked: LinkedManifest) -> list[EntryId]:
        """The services that run, in the order of the manifest."""
        reached = linked.graph.reach(self.wanted) - self.elsewhere
        return [id for id in linked.links if id in reached and stage(linked, id) is not None]

    def ingress(self, linked: LinkedManifest) -> list[EntryId]:
        """The consumers and servers among them, which every worker runs."""
        return [
            id for id in self.running(linked) if stage(linked, id) in (Stage.CONSUMER, Stage.SERVER)
        ]

    def without_processes(self, linked: LinkedManifest) -> Selection:
        """The selection of all workers but the first, which alone runs the processes and the
        migrations."""
        once = (Stage.MIGRATION, Stage.PROCESS)
        processes = (id for id in linked.links if stage(linked, id) in once)
        return replace(self, elsewhere=frozenset(processes))


def select(
    linked: LinkedManifest, only: Iterable[str] = (), without: Iterable[str] = ()
) -> Selection:
    """Select services by name; without names, all with `auto_start`. Raises WrongChoice.

    Resources and migrations are always included, since any handler may need them.
    """
    whole = Selection(_auto_started(linked)).running(linked)
    excluded = {_named(text, linked) for text in without}
    chosen = {_named(text, linked) for text in only}
    resources = {id for id in whole if stage(linked, id) in ALWAYS}
    wanted = (chosen or _auto_started(linked)) - excluded | resources
    incomplete = wanted & linked.graph.reach(excluded, dependents=True)
    if incomplete:
        raise _incomplete(linked, next(id for id in linked.links if id in incomplete), excluded)
    selection = Selection(frozenset(wanted))
    running = {*selection.running(linked)}
    if (chosen or excluded) and not _choosable(linked, running):
        raise WrongChoice("this leaves nothing to run but resources")
    return replace(selection, left_out=[id for id in whole if id not in running])


def not_started(linked: LinkedManifest, selection: Selection) -> list[EntryId]:
    """The services that do not start although something in use names them.

    In use are the services that run, and what no other entry needs: an endpoint, an unused queue.
    Of what they name, entries that do not run pass on what they name themselves.
    """
    running = {*selection.running(linked)}
    waiting = [
        id
        for id in linked.links
        if id in running or not (stage(linked, id) is not None or linked.graph.needed_by[id])
    ]
    seen: set[EntryId] = set(waiting)
    while waiting:
        for target in linked.links[waiting.pop()].targets:
            if target not in seen:
                seen.add(target)
                if stage(linked, target) is None:
                    waiting.append(target)
    silent = seen.difference(running, selection.left_out, selection.elsewhere)
    return [id for id in linked.links if id in silent and stage(linked, id) is not None]


def why_nothing_runs(linked: LinkedManifest, selection: Selection) -> str | None:
    """One sentence if no server, consumer or process is selected; None if one is."""
    if _choosable(linked, selection.running(linked)) or selection.elsewhere:
        return None
    services = _choosable(linked, linked.links)
    if not services:
        return "nothing runs: the manifest declares no server, consumer or process"
    named = _listed(services)
    return f"nothing runs: no entry has 'lifecycle: {{auto_start: true}}'; there are: {named}"


def stage(linked: LinkedManifest, id: EntryId) -> Stage | None:
    return linked.links[id].stage


def _auto_started(linked: LinkedManifest) -> frozenset[EntryId]:
    return frozenset(
        id
        for id, link in linked.links.items()
        if link.stage is not None
        and LinkedEntry(linked.links, link).fields["lifecycle"]["auto_start"]
    )


def _choosable(linked: LinkedManifest, ids: Iterable[EntryId]) -> list[EntryId]:
    return [id for id in ids if stage(linked, id) not in (None, *ALWAYS)]


def _incomplete(linked: LinkedManifest, id: EntryId, excluded: set[EntryId]) -> WrongChoice:
    need = min(linked.graph.reach([id]) & excluded)
    hint = f"leave out '{id}' too: --except {need},{id}"
    if stage(linked, id) in ALWAYS:
        hint = f"'{id}' always starts, so '{need}' must"
    return WrongChoice(f"'{id}' needs '{need}', which is left out; {hint}")


def _named(text: str, linked: LinkedManifest) -> EntryId:
    """The service with this id or name."""
    services = _choosable(linked, linked.links)
    found = [id for id in services if text in (str(id), id.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongChoice(f"'{text}' is the name of several services: {_listed(found)}")
    other = next((id for id in linked.links if text in (str(id), id.name)), None)
    if other is None:
        hint = did_you_mean(text, [*map(str, services), *(id.name for id in services)])
        raise WrongChoice(f"no service '{text}'; {hint or f'there are: {_listed(services)}'}")
    why = "does not run by itself"
    if stage(linked, other) in ALWAYS:
        why = "always starts, as any handler may need it"
    entry = linked.links[other].entry
    kind = entry.kind
    raise WrongChoice(f"'{other}' is of kind {kind} and {why}; choose among: {_listed(services)}")


def _listed(ids: Sequence[EntryId]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(map(str, ids[:_SHOWN])) + more if ids else "none"
