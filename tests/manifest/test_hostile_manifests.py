"""Manifests that somebody broke, by mistake or on purpose: never a traceback, always a place."""

from __future__ import annotations

import copy
import json
import os
import random
import string
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import yaml

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.document import _Reader, parse
from runtime.manifest.entry import value_at
from runtime.manifest.fast import Doubt, TooMany, quickly
from runtime.manifest.reader import read
from runtime.registry import Registry
from runtime.schema.field import Field
from tests.support.blackbox import EXAMPLE, execute
from tests.support.sample_manifest import paths, settle

ROOT = Path(__file__).parents[2]
EXAMPLE_TEXT = (EXAMPLE / "src" / "_index.yaml").read_text(encoding="utf-8")
GOOD = {
    "task-queue": EXAMPLE_TEXT,
    "template": (ROOT / "runtime" / "template" / "src" / "_index.yaml").read_text(encoding="utf-8"),
    **{
        path.parent.name if path.stem == "_index" else path.stem: path.read_text(encoding="utf-8")
        for path in [
            *sorted((ROOT / "tests" / "support" / "apps").glob("*/_index.yaml")),
            *sorted((ROOT / "tests" / "support" / "manifests" / "good").glob("*.yaml")),
        ]
    },
}
MUTATIONS = int(os.environ.get("RELIABILITY_MUTATIONS", "15000"))
"""How many broken texts are read; the long run sets it higher."""

registry = Registry()


def check(folder: Path) -> list[str]:
    """What is found; anything but findings is raised, and fails the test."""
    try:
        link(read(folder, environment={}), registry)
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return []


def write(folder: Path, text: str | bytes) -> Path:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / "_index.yaml").write_bytes(data)
    return folder


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 20_000,
        "{a: " * 20_000,
        "- " * 20_000,
        "? " * 20_000,
        "a: " * 20_000,
        "&a " * 5_000,
        "!!" * 5_000,
        "'" * 20_001,
        '"\\' * 10_000,
        "|\n" * 10_000,
        "a: 1\n" * 200_000,
        "[[],[],[]" + ",[]" * 1_000_000 + "]",
        "a: " + "9" * 100_000,
        "a: 0x" + "f" * 100_000,
        "a: 1e" + "9" * 1_000,
        "%YAML 9.9\n---\na: 1",
        "namespace: app\nentries:\n" + "  - {name: a, kind: registry.entry}\n" * 5_000,
        "\ufeff" * 10,
        "a: \ud800",
        b"\xff\xfe" + "namespace: app\n".encode("utf-16-le"),
        b"namespace: caf\xe9",
        b"\x00" * 1_000,
        b"x: " + b"y" * (10 * 1024 * 1024),
    ],
    ids=range(24),
)
def test_hostile_text_is_refused_quickly_at_a_place(text: str | bytes, tmp_path: Path) -> None:
    began = process_time()

    found = check(write(tmp_path, text))

    assert found
    assert all("_index.yaml:" in finding for finding in found)
    # of the processor, not of the clock: neighbours on the machine must not decide
    assert process_time() - began < 2


def test_the_program_itself_survives_brackets_that_kill_an_interpreter(tmp_path: Path) -> None:
    ended = execute("validate", str(write(tmp_path, "[" * 100_000)))

    assert ended.code == 3
    assert "nested deeper than 64" in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("seed", range(6))
def test_mutated_text_never_breaks_the_reader(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    texts = list(GOOD.values())
    for _ in range(-(-MUTATIONS // 6)):
        text = mutated(chance.choice(texts), chance)
        for finding in check(write(tmp_path, text)):
            assert ":" in finding
        assert_both_readers_agree(text)


ALPHABET = string.printable + "é\u2028\x00\ufeff[]{}:,&*!|>'\"%@`#-?"


def mutated(original: str, chance: random.Random) -> str:
    text = list(original)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                text[at] = chance.choice(ALPHABET)
            case 1:
                text.insert(at, chance.choice(ALPHABET))
            case 2 if len(text) > 30:
                del text[at : at + chance.randrange(1, 30)]
            case _:
                text[at:at] = text[at : at + chance.randrange(1, 200)]
    return "".join(text)


def assert_both_readers_agree(text: str) -> None:
    """What is read quickly is just what the reader that looks closely reads, without a fault."""
    try:
        data = quickly(text)
    except (Doubt, TooMany):
        return
    closely = _Reader()
    closely.read(text)
    assert closely.faults == []
    assert closely.data == data


# --- every key of good manifests, broken in every way ---


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
    """The ways to its values, without positions in lists."""
    return {tuple(step for step in path if isinstance(step, str)) for path in paths(entry)}


def fields_of(field: Field, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in field.properties.items():
        yield (*path, name)
        yield from fields_of(inner, (*path, name))


def is_an_older_name(kind: str, path: tuple[str, ...]) -> bool:
    field = registry.schema(kind).field.at(path)
    return field is not None and field.description.startswith("An older name of")


REFERENCES = ("driver", "queue", "func", "process", "host", "server", "router", "database")


def mutations(data: Any) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Every key renamed, taken away, of another type, and leading to nothing or to the wrong."""
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
        if key in REFERENCES:
            for what, wrong in (("dangling", f"{value}x"), ("misreference", "here")):
                changed = copy.deepcopy(data)
                value_at(changed, path[:-1])[key] = wrong
                yield what, path, changed


def is_right_all_the_same(what: str, path: tuple[Any, ...], data: Any) -> bool:
    """Changes that leave a manifest right, by its schemas: nobody could call them wrong."""
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
    return what == "retype" and field is not None and new in field.types


@pytest.mark.parametrize("name", GOOD)
def test_a_broken_key_is_reported_on_its_line(name: str, tmp_path: Path) -> None:
    data = yaml.safe_load(GOOD[name])
    data["entries"].append({"name": "here", "kind": "registry.entry"})
    settle(tmp_path)
    wrong, tried = [], 0
    for what, path, changed in mutations(data):
        if is_right_all_the_same(what, path, data):
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
    """Not all handlers are beside these manifests, which is a finding of its own."""
    return [finding for finding in found if ": no file " not in finding]


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
    """Each field, kind and reference with one letter wrong: what was meant, and what is there."""
    for path in paths(data):
        key = path[-1]
        if len(path) < 3 or isinstance(key, int):
            continue
        field = registry.schema(data["entries"][path[1]]["kind"]).field.at(path[2:])
        changed = copy.deepcopy(data)
        holder = value_at(changed, path[:-1])
        if (key == "kind" or key in REFERENCES) and len(holder[key]) >= 4:
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


@pytest.mark.parametrize(
    "source",
    [
        "file://../outside.py",
        "file:///etc/passwd.py",
        "file://a/../../outside.py",
        "file://link.py",
        "file://nul\0.py",
        "file://C:\\x.py",
        "file://C:/x.py",
        "file://x.py/",
        "file://",
        "file://.",
        "module://",
        "module://..x",
        "module://os.path.nothing",
        "http://example.org/x.py",
        "file://ha ndler.txt",
    ],
)
def test_a_source_leads_nowhere_else(source: str, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("def main(): pass\n")
    app = tmp_path / "app"
    app.mkdir()
    (app / "link.py").symlink_to(tmp_path / "outside.py")
    entry = {"name": "f", "kind": "function.python", "source": source}
    text = yaml.safe_dump({"namespace": "app", "entries": [entry]})

    found = check(write(app, text))

    assert found
    assert all("_index.yaml:" in finding for finding in found)


@pytest.mark.parametrize(
    "name", ["a b", "a:b", "", "é", "a\u202eb", "-a", ".a", "a'--", "a\n", "a/b", "${env:A}"]
)
def test_a_name_is_of_a_small_alphabet(name: str, tmp_path: Path) -> None:
    entry = {"name": name, "kind": "registry.entry"}

    assert check(write(tmp_path, yaml.safe_dump({"namespace": "app", "entries": [entry]})))


@pytest.mark.parametrize("name", ["select", "SELECT", "a.b-c_d", "0", "table"])
def test_a_name_may_be_a_word_of_some_language(name: str, tmp_path: Path) -> None:
    entry = {"name": name, "kind": "registry.entry"}
    write(tmp_path, yaml.safe_dump({"namespace": "app", "entries": [entry]}))

    assert EntryId("app", name) in read(tmp_path, environment={}).entries
