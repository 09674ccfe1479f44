"""Manifests that somebody broke, by mistake or on purpose: never a traceback, always a place."""

from __future__ import annotations

import copy
import random
import string
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import yaml

from runtime.entry import EntryId
from runtime.finding import ManifestError
from runtime.linker import link
from runtime.manifest import read
from runtime.registry import Registry
from runtime.source import parse
from tests.blackbox import EXAMPLE, execute
from tests.neighbours import paths

ROOT = Path(__file__).parents[1]
EXAMPLE_TEXT = (EXAMPLE / "src" / "_index.yaml").read_text(encoding="utf-8")
GOOD = [
    EXAMPLE_TEXT,
    (ROOT / "runtime" / "template" / "src" / "_index.yaml").read_text(encoding="utf-8"),
    *(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "tests" / "apps").glob("*/_index.yaml"))
    ),
]
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


@pytest.mark.parametrize("seed", range(4))
def test_mutated_text_never_breaks_the_reader(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    alphabet = string.printable + "é\u2028\x00\ufeff[]{}:,&*!|>'\"%@`#-?"
    for _ in range(400):
        text = list(chance.choice(GOOD))
        for _ in range(chance.randrange(1, 8)):
            at = chance.randrange(len(text))
            match chance.randrange(4):
                case 0:
                    text[at] = chance.choice(alphabet)
                case 1:
                    text.insert(at, chance.choice(alphabet))
                case 2:
                    del text[at : at + chance.randrange(1, 30)]
                case 3:
                    text[at:at] = text[at : at + chance.randrange(1, 200)]
        for finding in check(write(tmp_path, "".join(text))):
            assert ":" in finding


# --- every key of good manifests, broken in every way ---


def holder_of(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        data = data[step]
    return data


OPTIONAL = {
    "version", "lifecycle", "auto_start", "requires", "modules", "concurrency", "prefetch", "type",
    "method", "addr", "prefix", "middleware",
}  # fmt: skip
"""Keys whose absence is allowed: without them the default counts, which nobody can call wrong."""


def mutations(data: Any) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    for path in paths(data):
        key = path[-1]
        if isinstance(key, int):
            continue
        value = holder_of(data, path)[key]
        renamed = copy.deepcopy(data)
        holder = holder_of(renamed, path)
        items = [(f"{k}x" if k == key else k, v) for k, v in holder.items()]
        holder.clear()
        holder.update(items)
        yield "rename", path, renamed
        if key not in OPTIONAL:
            removed = copy.deepcopy(data)
            del holder_of(removed, path)[key]
            yield "remove", path, removed
        retyped = copy.deepcopy(data)
        holder_of(retyped, path)[key] = 7 if isinstance(value, str | list | dict) else "text"
        yield "retype", path, retyped
        if key in ("driver", "queue", "func", "process", "host", "server", "router"):
            for kind, wrong in (("dangling", f"{value}x"), ("misreference", "app:here")):
                changed = copy.deepcopy(data)
                holder_of(changed, path)[key] = wrong
                yield kind, path, changed


def is_justified(what: str, path: tuple[Any, ...], data: Any) -> bool:
    """Changes that leave a manifest right: another name that nobody refers to, a free note."""
    at_entry = len(path) == 3 and path[0] == "entries"
    if at_entry and path[2] == "meta" and what == "remove":
        kind = holder_of(data, path).get("kind", "")
        return kind not in ("http.router", "http.endpoint", "http.static")
    return "meta" in path and path[-1] not in ("meta", "server", "router")


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_a_broken_key_is_reported_on_its_line(number: int, tmp_path: Path) -> None:
    data = yaml.safe_load(GOOD[number])
    data["entries"].append({"name": "here", "kind": "registry.entry"})
    missed, misplaced, tried = [], [], 0
    for what, path, changed in mutations(data):
        if is_justified(what, path, data):
            continue
        tried += 1
        text = yaml.safe_dump(changed, sort_keys=False)
        document, _ = parse(text, "_index.yaml", "_index.yaml")
        assert document is not None
        found = without_files(check(write(tmp_path, text)))
        changed_path = (*path[:-1], f"{path[-1]}x") if what == "rename" else path
        lines = {document.at(changed_path).line, document.key_at(changed_path).line}
        if not found:
            missed.append((what, path))
        elif not any(f"_index.yaml:{line}:" in finding for line in lines for finding in found):
            misplaced.append((what, path, found))

    assert tried > 50
    assert len(missed) <= tried * 0.01, missed
    assert len(misplaced) <= tried * 0.01, misplaced


def without_files(found: list[str]) -> list[str]:
    """Handlers are not beside these manifests, which is a finding of its own."""
    return [finding for finding in found if ": no file " not in finding]


def test_the_right_name_is_suggested_for_typos(tmp_path: Path) -> None:
    chance = random.Random(1)
    right, tried = 0, 0
    data = yaml.safe_load(EXAMPLE_TEXT)
    for path in paths(data):
        key = path[-1]
        if isinstance(key, int) or len(path) < 3 or "meta" in path or len(key) < 4:
            continue
        at = chance.randrange(len(key))
        typo = key[:at] + chance.choice(string.ascii_lowercase.replace(key[at], "")) + key[at + 1 :]
        changed = copy.deepcopy(data)
        holder = holder_of(changed, path)
        holder[typo] = holder.pop(key)
        found = check(write(tmp_path, yaml.safe_dump(changed, sort_keys=False)))
        tried += 1
        right += any(f"'{typo}'; did you mean '{key}'?" in finding for finding in found)

    assert tried > 30
    assert right >= tried * 0.9


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
