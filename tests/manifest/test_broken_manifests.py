"""Good manifests with one key broken, in every way: reported on its line, with the right name."""

from __future__ import annotations

import copy
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.manifest.document import parse
from runtime.manifest.entry import value_at
from runtime.schema.family import OF
from runtime.schema.field import Field
from tests.support.good_manifests import GOOD, check, registry, write
from tests.support.sample_manifest import paths, settle


@pytest.mark.parametrize("name", GOOD)
def test_a_good_manifest_has_no_findings(name: str, tmp_path: Path) -> None:
    assert without_files(check(write(settle(tmp_path), GOOD[name]))) == []


def test_the_good_manifests_have_every_kind_and_most_fields() -> None:
    entries = [entry for text in GOOD.values() for entry in yaml.safe_load(text)["entries"]]
    written = {(entry["kind"], path) for entry in entries for path in plain_paths(entry)}
    fields = {
        (kind, path)
        for kind in registry.built_in
        for path in fields_of(registry.schema(kind).field)
        if path[0] != "lifecycle" and not is_an_older_name(kind, path)
    }

    assert len(GOOD) >= 20
    assert {kind for kind, _ in written} == registry.built_in
    assert len(fields & written) >= 0.75 * len(fields), sorted(fields - written)


def plain_paths(entry: dict[str, Any]) -> set[tuple[str, ...]]:
    """The paths of its values, without indexes of lists."""
    return {tuple(step for step in path if isinstance(step, str)) for path in paths(entry)}


def fields_of(field: Field, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in field.properties.items():
        if OF in inner.schema:
            continue  # written in manifests of its own kind
        yield (*path, name)
        yield from fields_of(inner, (*path, name))


def is_an_older_name(kind: str, path: tuple[str, ...]) -> bool:
    field = registry.schema(kind).field.at(path)
    return field is not None and field.description.startswith("An older name of")


REFERENCES = ("driver", "queue", "func", "process", "host", "server", "router", "database")


def is_reference(data: Any, path: tuple[Any, ...]) -> bool:
    """True for a value that names another entry, as not every host and database does."""
    return path[-1] in REFERENCES and data["entries"][path[1]]["kind"] != "db.sql.postgres"


def mutations(data: Any) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Every key renamed, removed, of another type, or referring to nothing or to a wrong kind."""
    for path in paths(data):
        key = path[-1]
        if isinstance(key, int):
            continue
        value = value_at(data, path)
        renamed = copy.deepcopy(data)
        holder = value_at(renamed, path[:-1])
        items = [(f"{k}x" if k == key else k, v) for k, v in holder.items()]
        holder.clear()
        holder.update(items)
        yield "rename", path, renamed
        removed = copy.deepcopy(data)
        del value_at(removed, path[:-1])[key]
        yield "remove", path, removed
        retyped = copy.deepcopy(data)
        value_at(retyped, path[:-1])[key] = 7 if isinstance(value, str | list | dict) else "text"
        yield "retype", path, retyped
        if is_reference(data, path):
            for what, wrong in (("dangling", f"{value}x"), ("misreference", "here")):
                changed = copy.deepcopy(data)
                value_at(changed, path[:-1])[key] = wrong
                yield what, path, changed


def is_still_valid(what: str, path: tuple[Any, ...], data: Any) -> bool:
    """True for changes that the schemas allow."""
    if len(path) < 3:
        return path == ("version",) and what == "remove"
    entry = data["entries"][path[1]]
    fields = registry.schema(entry["kind"]).field
    field = fields.at(path[2:])
    around = fields.at(path[2:-1])
    if field is None and (around is None or around.schema.get("additionalProperties") is not False):
        return True  # a free note
    if what == "remove":
        return around is not None and path[-1] not in around.required
    if what == "rename" and around is not None:
        free = around.schema.get("additionalProperties") is not False
        return free and path[-1] not in around.required
    new = "integer" if isinstance(value_at(data, path), str | list | dict) else "string"
    if field is None or what != "retype":
        return False
    return new in field.types or not (field.types or "enum" in field.schema)


@pytest.mark.parametrize("name", GOOD)
def test_a_broken_key_is_reported_on_its_line(name: str, tmp_path: Path) -> None:
    data = yaml.safe_load(GOOD[name])
    data["entries"].append({"name": "here", "kind": "registry.entry"})
    settle(tmp_path)
    wrong, tried = [], 0
    for what, path, changed in mutations(data):
        if is_still_valid(what, path, data):
            continue
        tried += 1
        text = json.dumps(changed, indent=1, ensure_ascii=False)  # YAML too, one key a line
        document, _ = parse(text, "_index.yaml", "_index.yaml")
        assert document is not None
        found = without_files(check(write(tmp_path, text)))
        changed_path = (*path[:-1], f"{path[-1]}x") if what == "rename" else path
        lines = {document.at(changed_path).line, document.key_at(changed_path).line}
        if not any(f"_index.yaml:{line}:" in finding for line in lines for finding in found):
            wrong.append((what, path, found))

    assert tried >= 10
    assert wrong == []


def without_files(found: list[str]) -> list[str]:
    """Leave out findings about handler files, which some of these manifests do not have."""
    return [finding for finding in found if ": no file " not in finding]


@pytest.mark.slow
def test_the_right_name_is_suggested_for_typos(tmp_path: Path) -> None:
    chance = random.Random(1)
    missed, tried = [], 0
    settle(tmp_path)
    for text in GOOD.values():
        data = yaml.safe_load(text)
        for meant, mistyped, changed in typos(data, chance):
            tried += 1
            found = check(write(tmp_path, json.dumps(changed)))
            if not any(f"did you mean '{meant}'?" in finding for finding in found):
                missed.append((meant, mistyped, found))

    assert tried > 300
    assert len(missed) <= tried * 0.1, (tried, missed)


def typos(data: Any, chance: random.Random) -> Iterator[tuple[str, str, Any]]:
    """Each field, kind and reference with one letter wrong: the right name, the wrong, the data."""
    for path in paths(data):
        key = path[-1]
        if len(path) < 3 or isinstance(key, int):
            continue
        field = registry.schema(data["entries"][path[1]]["kind"]).field.at(path[2:])
        changed = copy.deepcopy(data)
        holder = value_at(changed, path[:-1])
        if (key == "kind" or is_reference(data, path)) and len(holder[key]) >= 4:
            meant = holder[key]
            holder[key] = mistyped = one_letter_wrong(meant, chance)
            if key != "kind" and ":" not in meant:
                meant = f"{data['namespace']}:{meant}"
            yield meant, mistyped, changed
        if field is not None and len(key) >= 4 and key != "name":
            holder = value_at(changed := copy.deepcopy(data), path[:-1])
            mistyped = one_letter_wrong(key, chance)
            holder[mistyped] = holder.pop(key)
            yield key, mistyped, changed


def one_letter_wrong(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word))
    letter = chance.choice(string.ascii_lowercase.replace(word[at].lower(), ""))
    swapped = word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    return chance.choice([
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        swapped if swapped != word else word + letter,
    ])  # fmt: skip
