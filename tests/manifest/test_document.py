"""Documents: values and positions of a YAML text, and the findings of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.manifest.document import Document, parse
from runtime.manifest.fast import MAX_DEPTH, MAX_NODES
from runtime.manifest.scalar import scalar

TEXT = """\
version: "1.0"
entries:
  - name: db   # the first
    tags: [a, 'b c']
  - {name: é, deep: {x: 1}}
empty:
"""


def document(text: str) -> Document:
    found, findings = parse(text, "/app/f.yaml", "f.yaml")
    assert findings == []
    assert found is not None
    return found


def faults(text: str) -> list[str]:
    return [str(finding) for finding in parse(text, "/app/f.yaml", "f.yaml")[1]]


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("version",), "1:10", "1:1"),
        (("entries",), "3:3", "2:1"),
        (("entries", 0), "3:5", "3:5"),
        (("entries", 0, "name"), "3:11", "3:5"),
        (("entries", 0, "tags", 1), "4:15", "4:15"),
        (("entries", 1, "name"), "5:12", "5:6"),
        (("entries", 1, "deep", "x"), "5:25", "5:22"),
        (("empty",), "6:7", "6:1"),
    ],
)
def test_every_key_and_value_has_its_place(path: tuple[Any, ...], value: str, key: str) -> None:
    read = document(TEXT)

    assert str(read.at(path)) == f"f.yaml:{value}"
    assert str(read.key_at(path)) == f"f.yaml:{key}"
    assert read.has(path)


@pytest.mark.parametrize(
    ("path", "nearest"),
    [(("entries", 0, "none"), "3:5"), (("entries", 9), "3:3"), (("version", "x"), "1:10")],
)
def test_what_is_not_there_is_at_the_nearest_place_around(
    path: tuple[Any, ...], nearest: str
) -> None:
    read = document(TEXT)

    assert str(read.at(path)) == f"f.yaml:{nearest}"
    assert not read.has(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("FALSE", False),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"),
        ("10", 10), ("-3", -3), ("+5", 5), ("0", 0), ("0x1F", 31), ("0o17", 15),
        ("022", "022"), ("8:30", "8:30"), ("1_000", "1_000"), ("2026-11-24", "2026-11-24"),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-3", -0.0015),
        ("1.2.3", "1.2.3"), ("-", "-"), (".", "."), ("0x", "0x"), ("1e", "1e"), ("+", "+"),
    ],
)  # fmt: skip
def test_a_plain_word_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = scalar(text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.INF", "1e999", "9" * 5000])
def test_a_number_that_json_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        scalar(text)


def test_quotes_and_blocks_make_text() -> None:
    assert document("a: '10'\nb: \"true\"\nc: |\n  5\nd: >\n  x\n  y\n").data == {
        "a": "10",
        "b": "true",
        "c": "5\n",
        "d": "x y\n",
    }


def test_keys_are_text_whatever_they_look_like() -> None:
    assert document("1: a\ntrue: b\nnull: c\n").data == {"1": "a", "true": "b", "null": "c"}


def test_the_first_of_two_equal_keys_is_kept_and_the_second_is_told() -> None:
    read, findings = parse("a: {x: 1}\nb: 2\na: 3\n", "f", "f")

    assert read is not None
    assert read.data == {"a": {"x": 1}, "b": 2}
    assert [str(finding) for finding in findings] == [
        "f:3:1: duplicate key 'a'; the first is at f:1:1; remove one of them"
    ]


def test_all_faults_of_a_text_are_told_at_once() -> None:
    told = faults("a: !!int 5\nb: &x 1\nc: *x\nd: .nan\nd: 1\n")

    assert [text.split(":")[1] for text in told] == ["1", "2", "3", "4", "5"]


def test_faults_end_somewhere() -> None:
    told = faults("".join(f"k{n}: .nan\n" for n in range(5000)))

    assert len(told) == 101
    assert told[-1].endswith("too many errors, reading stops here")


def test_depth_and_number_are_bounded_just_where_it_is_said() -> None:
    assert document("[" * MAX_DEPTH + "]" * MAX_DEPTH).data
    assert "nested deeper than 64" in faults("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))[0]
    items = MAX_NODES - 1  # the list is one itself
    assert len(document(f"[{'1,' * items}]").data) == items
    assert "more than 250,000 values" in faults(f"[{'1,' * (items + 1)}]")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c\n", "1:5: a ':' where no key is allowed; quote a text that contains ': '"),
        ("a:\n  b: 1\n c: 2\n", "3:2: the indentation matches nothing above"),
        ("a: 'it's'\n", "1:8: unexpected text; check the quotes"),
        ("a: @x\n", "1:4: a text cannot begin with '@'; quote it"),
        ("a: [1, 2\nb: 3\n", "1:4: a bracket that is never closed"),
        ('a: 1\nb: "x\nc: 2\n', "2:4: a quote that is never closed"),
        ("a:\n\tb: 1\n", "2:1: a tab in the indentation; indent with spaces"),
        ("a: 1\nb c\nd: 2\n", "2:1: a line without a ':'; write 'field: value'"),
        ("a: é\ufffe\n", "1:5: a character that YAML does not allow; remove it"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document in one file"),
        ("? [a]\n: b\n", "1:3: a key that is not plain text"),
    ],
)
def test_what_is_no_yaml_is_told_in_plain_words(text: str, said: str) -> None:
    (told,) = faults(text)

    assert said in told


def test_an_empty_text_is_nothing() -> None:
    assert parse("# only a comment\n", "f", "f")[1] == []
    assert document("").data is None
