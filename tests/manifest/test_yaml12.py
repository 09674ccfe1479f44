"""YAML 1.2: short texts are read as another reader of 1.2 does, or they are refused."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
import yaml12

from runtime.manifest.document import parse
from runtime.manifest.yaml12 import disguise, lines

TEXTS = int(os.environ.get("RELIABILITY_MUTATIONS", "15000"))
"""How many random texts are read; the long run sets it higher."""

REFUSED = object()


def ours(text: str) -> Any:
    document, findings = parse(text, "f", "f")
    return REFUSED if document is None or findings else document.data


def theirs(text: str) -> Any:
    try:
        return with_text_keys(yaml12.parse_yaml(text))
    except ValueError:
        return REFUSED


def with_text_keys(value: Any) -> Any:
    """Keys are text in a manifest. The other reader gives an empty block scalar a line break."""
    if isinstance(value, dict):
        return {with_text_keys(str(key)): with_text_keys(item) for key, item in value.items()}
    if value == "\n":
        return ""
    return [with_text_keys(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{addr: :8080}", {"addr": ":8080"}),
        ("[:8080, ::1, :a]", [":8080", "::1", ":a"]),
        ("{:a: 1}", {":a": 1}),
        ("a: [\n  :80]", {"a": [":80"]}),
        ("a: :8080", {"a": ":8080"}),
        ("[?x]", ["?x"]),
        ("{?x: 1}", {"?x": 1}),
        ("[a ?x, b\n ?y]", ["a ?x", "b ?y"]),
        ("[ # why\n  ?x]", ["?x"]),
        ("? x", {"x": None}),
        ("? x\n: y", {"x": "y"}),
        ("{? a, b: 1}", {"a": None, "b": 1}),
        ('{"a":b}', {"a": "b"}),
        ("['a' :b]", [{"a": "b"}]),
        ("{a:b}", {"a:b": None}),
        ("{u: http://x:80/?q}", {"u": "http://x:80/?q"}),
        ("# x\u2028b: 1\na: 2", {"a": 2}),
        ("a: one\u0085two\u2028three\u2029", {"a": "one\u0085two\u2028three\u2029"}),
        ("a: |\n  x\u2028y\n", {"a": "x\u2028y\n"}),
        ("a: ' :x ?y \u2028'", {"a": " :x ?y \u2028"}),
        ("a: \ue000 :x\ue001", {"a": "\ue000 :x\ue001"}),
        ("%YAML 1.2\n---\na: no", {"a": "no"}),
        ("a: '#fff'", {"a": "#fff"}),
        ("a: x]#y\nb: \"'#'\"", {"a": "x]#y", "b": "'#'"}),
        ("a: |\n  [b]#c\n  'd'#e\n# [x]#y\n", {"a": "[b]#c\n'd'#e\n"}),
        ("a: ['#b'] # c\nd: {'#': 1}\n", {"a": ["#b"], "d": {"#": 1}}),
        ("- a:\n  - 'b'\n#c\n", [{"a": ["b"]}]),
    ],
)
def test_a_text_is_read(text: str, value: Any) -> None:
    assert ours(text) == value
    assert theirs(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: ! 5", "1:4: tag '!' is not allowed"),
        ("a: !", "1:4: tag '!' is not allowed"),
        ("a: ! 'x'", "1:4: tag '!' is not allowed"),
        ("! a: 1", "1:1: tag '!' is not allowed"),
        ("a: &x 1", "1:4: anchor '&x' is not allowed"),
        ("&x a: 1", "anchor '&x' is not allowed"),
        ("%YAML 1.1\n---\na: no", "1:1: a directive that is not allowed"),
        ("%TAG !e! x\n---\na: 1", "1:1: a directive that is not allowed"),
        (": x", "1:1: "),
        ("{a: 1, : x}", "f:1:8: "),
        ("[?, a]", "f:1:4: a key is missing here"),
        ("a: x\u2028y\nb: !t 1", "2:4: tag '!t'"),
        ("a: \u2028\nb: \u0085c: d\n e: [", "f:2:6: a ':' where no key"),
        ('v: "a"#c', "f:1:7: a '#' right after \" begins no comment"),
        ("v: ''#c", "f:1:6: a '#' right after '"),
        ("v: [a]#c", "f:1:7: a '#' right after ]"),
        ("x:\n- v: {a: [b]}#c", "f:2:14: a '#' right after }"),
        ("v: ['a'#c\n  ]", "f:1:8: a '#' right after '"),
        ('\ufeff"é": "a\r\n b"#c', "f:2:4: a '#' right after \""),
        ("a: 1\rb: @", "2:4: a text cannot begin with '@'"),
        ("a: 1\n# \u2028\n\fb: 1", "3:1: a character that YAML does not allow"),
    ],
)
def test_what_is_not_read_is_refused_where_an_editor_shows_it(text: str, said: str) -> None:
    found = [str(finding) for finding in parse(text, "f", "f")[1]]

    assert any(said in finding for finding in found), found


def test_positions_are_those_of_the_text_as_it_stands() -> None:
    document, _ = parse("# \u2028\na: {b: :80, ?c: 1}\n", "f", "f")

    assert document is not None
    assert str(document.at(("a", "b"))) == "f:2:8"
    assert str(document.key_at(("a", "?c"))) == "f:2:13"


def test_a_disguise_is_no_character_of_the_text() -> None:
    text = "[:x, ?y] # " + "".join(map(chr, range(0xE000, 0xE100)))

    disguised, table = disguise(text)

    assert not set("[:x, ?y]") & {*"?"} <= {*disguised}
    assert disguised.translate(table) == text
    assert len(disguised) == len(text)


def test_lines_end_where_yaml_ends_them() -> None:
    assert lines("a\r\nb\rc\nd\u2028e\fg\x0bh\x85i") == ["a", "b", "c", "d\u2028e\fg\x0bh\x85i"]


# The other reader takes a separator that stands alone, and the key `~`, for nothing.
PIECES = [
    *"ab :?-,[]{}'\"#!|>&*%@1\n", "\n", "\n  ", "a\u2028b", "b\x85a", "#\u2029a", "\t", "  ",
    ": ", "- ", "? ", ", ", " #", " :", " ?", "a: ", "b: ", "{a", "[a",
]  # fmt: skip


def test_no_text_is_read_otherwise_than_by_another_reader() -> None:
    chance = random.Random(7)
    read = 0
    wrong = []
    for _ in range(TEXTS):
        text = "".join(chance.choices(PIECES, k=chance.randrange(1, 12))) + "\n"
        value = ours(text)
        if not isinstance(value, dict | list) or (other := theirs(text)) is REFUSED:
            continue
        read += 1
        if with_text_keys(value) != other:
            wrong.append((text, value, other))

    assert wrong == []
    assert read > TEXTS / 20
