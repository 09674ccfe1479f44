"""Hostile and random manifests: never a traceback, always findings with a position."""

from __future__ import annotations

import os
import random
import string
from pathlib import Path
from time import process_time

import pytest
import yaml

from runtime.entry_id import EntryId
from runtime.manifest.document import _Parser
from runtime.manifest.fast import Fallback, TooManyNodes, parse_fast
from runtime.manifest.reader import read
from tests.support.blackbox import execute
from tests.support.good_manifests import GOOD, check, write

MUTATIONS = int(os.environ.get("RELIABILITY_MUTATIONS", "6000"))
"""How many mutated texts are read; the long run sets it higher."""

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
    # CPU time: other load on the machine must not decide
    assert process_time() - began < 2


def test_the_program_itself_survives_brackets_that_kill_an_interpreter(tmp_path: Path) -> None:
    ended = execute("validate", str(write(tmp_path, "[" * 100_000)))

    assert ended.code == 3
    assert "nested deeper than 64" in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_mutated_text_never_breaks_the_reader(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    texts = list(GOOD.values())
    for _ in range(-(-MUTATIONS // 6)):
        text = mutated(chance.choice(texts), chance)
        for finding in check(write(tmp_path, text)):
            assert ":" in finding
        assert_both_parsers_agree(text)


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


def assert_both_parsers_agree(text: str) -> None:
    """Check that the fast parser returns only what the full parser reads without an error."""
    try:
        data = parse_fast(text)
    except (Fallback, TooManyNodes):
        return
    parser = _Parser()
    parser.read(text)
    assert parser.faults == []
    assert parser.data == data


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
