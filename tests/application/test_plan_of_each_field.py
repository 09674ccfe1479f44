"""A plan says what a reload then does, whichever field of whichever kind was edited."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from runtime.application.plan import Action, Plan
from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest, link
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.service import StartError
from runtime.supervision.child import Child
from tests.support.blackbox import write_files
from tests.support.certificate import certificate as certificate
from tests.support.changing import Site, served
from tests.support.every_kind import BY_HAND, ENTRIES, FILES, LEFT_OUT
from tests.support.field_edits import Entry, FieldEdits, edits

REGISTRY = Registry()
KINDS = sorted(REGISTRY.built_in)
FAMILIES = sorted({kind.partition(".")[0] for kind in KINDS})
MANIFEST: list[Entry] = yaml.safe_load(ENTRIES)


class State(msgspec.Struct, frozen=True):
    """An application at a moment, as far as a reload may change it."""

    components: Mapping[EntryId, Any]
    children: Mapping[EntryId, Child]
    attempts: Mapping[EntryId, int]

    @classmethod
    def of(cls, site: Site) -> State:
        children = {child.id: child for child in site.children()}
        attempts = {id: child.attempt for id, child in children.items()}
        return cls(dict(site.application.scope.components), children, attempts)


def actions(id: EntryId, before: State, after: State) -> set[Action]:
    """The words for what has happened to an entry between two states."""
    old, new = before.children.get(id), after.children.get(id)
    if old is not new:
        if old is None:
            return {Action.START}
        assert not old.alive, id
        return {Action.STOP} if new is None else {Action.REPLACE}
    assert before.attempts.get(id) == after.attempts.get(id), id
    same = before.components[id] is after.components[id]
    return {Action.KEEP, Action.REVISE} if same else {Action.REVISE}


@pytest.fixture
def folder(tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the manifest and its edits name."""
    monkeypatch.setenv("KEY", "k" * 64)
    cert, key = (path.read_text() for path in certificate)
    write_files(tmp_path, {"cert.pem": cert, "key.pem": key, "both.pem": cert + key})
    return write_files(tmp_path, FILES)


def text(entries: Sequence[Entry]) -> str:
    return json.dumps({"namespace": "app", "entries": entries})


def linked(folder: Path, entries: Sequence[Entry]) -> LinkedManifest:
    (folder / "_index.yaml").write_text(text(entries))
    return link(read(folder), REGISTRY)


def all_edits(family: str = "") -> Iterator[FieldEdits]:
    """Edits of each field of the kinds of a family, or of all kinds."""
    for kind in KINDS:
        if not family or kind.startswith(f"{family}."):
            yield from edits(kind, MANIFEST, BY_HAND, REGISTRY)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reload_does_what_the_plan_said_of_each_field(family: str, folder: Path) -> None:
    async def main() -> None:
        async with served(folder, text(MANIFEST)) as site:
            same = linked(folder, MANIFEST)
            for edit in all_edits(family):
                if edit.name in LEFT_OUT:
                    continue
                new, plan = await planned(site, folder, edit)
                why = {name for change in plan.done for name in change.why.split(", ")}
                assert why & {*edit.path} or not edit.has_effect, (edit.name, plan.done)
                await reload_as_planned(site, new, plan, edit.name)
                plan = await site.application.plan(same)
                await reload_as_planned(site, same, plan, f"{edit.name} undone")

    asyncio.run(main())


async def planned(site: Site, folder: Path, edit: FieldEdits) -> tuple[LinkedManifest, Plan]:
    """The first of the edits that makes a good manifest, and its plan, which changes nothing."""
    before, findings = State.of(site), []
    for entry in edit.entries:
        try:
            new = linked(
                folder, [entry if each["name"] == entry["name"] else each for each in MANIFEST]
            )
            plan = await site.application.plan(new)
        except (ManifestError, StartError) as error:
            findings.append(str(error))
        else:
            assert State.of(site) == before, edit.name
            return new, plan
    pytest.fail(f"no edit of '{edit.name}' is good; add one to BY_HAND: {findings}")


async def reload_as_planned(site: Site, new: LinkedManifest, plan: Plan, edit: str) -> None:
    before = State.of(site)
    done = await site.application.apply(new, force=True)
    after = State.of(site)
    assert plan.changes == done.changes, edit
    assert {change.id for change in done.changes} == {*after.components}, edit
    for change in done.changes:
        assert change.action in actions(change.id, before, after), (edit, change)


def test_values_by_hand_are_those_of_fields_that_are_there() -> None:
    names = {edit.name for edit in all_edits()}
    fields = {name.partition(" ")[2] for name in names}
    assert {*BY_HAND, *LEFT_OUT} <= names | fields
