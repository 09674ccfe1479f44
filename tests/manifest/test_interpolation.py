"""Placeholders: filled from variables and files, and given the type of their field."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runtime.entry_id import EntryId
from runtime.manifest.interpolation import MAX_FILE, Resolver, Unresolved, is_placeholder
from tests.support.sample_manifest import linked, settle

VALUES = {"NAME": "value", "EMPTY": "", "BRACE": "a}b", "INNER": "${env:NAME}"}


def fill(text: str, environment: Mapping[str, str] = VALUES, folder: Path = Path()) -> str:
    return Resolver(environment, folder).resolve(text, set())[0]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("${env:NAME}", "value"),
        ("a ${env:NAME} b ${env:NAME}", "a value b value"),
        ("${env:UNSET|default}", "default"),
        ("${env:UNSET|}", ""),
        ("${env:UNSET|a|b}", "a|b"),
        ("${env:NAME|default}", "value"),
        ("${env:EMPTY|default}", ""),
        ("$${env:NAME}", "${env:NAME}"),
        ("$$ and $x", "$$ and $x"),
        ("${env:BRACE}", "a}b"),
        ("${env:INNER}", "${env:NAME}"),  # a value is not read for placeholders again
        ("${secret:NAME}", "value"),
        ("${secret:UNSET|default}", "default"),
        ("a ${secret:NAME}${env:NAME} $${", "a valuevalue ${"),
        ("${file:none|default}", "default"),
    ],
)
def test_a_text_is_filled(text: str, filled: str) -> None:
    assert fill(text) == filled


@pytest.mark.parametrize(
    "text",
    [
        "${", "${}", "${NAME}", "${env:}", "${env:1A}", "${env:A B}", "${secret:}", "${secret:A.B}",
        "${file:}", "${file:|x}", "${vault:A}",
    ],
)  # fmt: skip
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(Unresolved, match="is not a placeholder"):
        fill(text)


def test_a_variable_that_is_not_set_or_no_text_is_refused() -> None:
    for source in ("env", "secret"):
        with pytest.raises(Unresolved, match="'UNSET' is not set") as caught:
            fill(f"${{{source}:UNSET}}")
        assert caught.value.hint == f"set it, or give a default: ${{{source}:UNSET|…}}"
        with pytest.raises(Unresolved, match="'BYTES' is not UTF-8 text"):
            fill(f"${{{source}:BYTES}}", {"BYTES": os.fsdecode(b"\xff")})


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"hunter2\n", "hunter2"),
        (b"hunter2", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\r", "hunter2\r"),
        (b"two\nlines\n\n", "two\nlines\n"),
        (b"\xef\xbb\xbf${env:NAME}", "${env:NAME}"),
        (b"", ""),
    ],
)
def test_a_file_is_read_without_its_last_line_break(
    content: bytes, text: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_bytes(content)
    (tmp_path / "link").symlink_to("password")

    assert fill("${file:password}", folder=tmp_path) == text
    assert fill(f"${{file:{tmp_path}/link}}") == text


def test_a_file_that_cannot_be_read_is_refused_also_if_there_is_a_default(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    (tmp_path / "large").write_bytes(b"x" * (MAX_FILE + 1))

    for name, said in [
        ("pipe", "not a file"),
        (".", "a folder, not a file"),
        ("/dev/zero", "not a file"),
        ("bytes", "not UTF-8 text"),
        ("nul", "has a NUL character"),
        ("large", "larger than 1 MiB"),
    ]:
        with pytest.raises(Unresolved, match=said):
            fill(f"${{file:{name}|default}}", folder=tmp_path)
    with pytest.raises(Unresolved, match="the file 'none' cannot be read: no such file"):
        fill("${file:none}", folder=tmp_path)


def test_what_was_typed_is_remembered_by_its_place_and_faults_leave_the_rest() -> None:
    fields: dict[str, Any] = {
        "a": "${env:NAME}",
        "b": ["x", {"c": "-${env:UNSET}"}],
        "d": 1,
        "e": "${env:NAME}:${secret:PW}@",
    }
    faults: list[tuple[Any, str]] = []

    found = Resolver({**VALUES, "PW": "hunter2"}, Path()).interpolate(
        fields, lambda path, fault: faults.append((path, fault.message))
    )

    assert fields == {
        "a": "value",
        "b": ["x", {"c": "-${env:UNSET}"}],
        "d": 1,
        "e": "value:hunter2@",
    }
    assert found.placeholders == {
        ("a",): "${env:NAME}",
        ("b", 1, "c"): "-${env:UNSET}",
        ("e",): "${env:NAME}:${secret:PW}@",
    }
    assert found.hidden == {("e",): "value:${secret:PW}@"}
    assert found.unfilled == {("b", 1, "c")}
    assert found.secrets == {"hunter2"}
    assert faults == [(("b", 1, "c"), "the environment variable 'UNSET' is not set")]


def test_a_text_is_a_placeholder_only_if_it_is_nothing_else() -> None:
    assert is_placeholder("${env:A}")
    assert is_placeholder("${env:A|x}")
    assert is_placeholder("${secret:A}")
    assert is_placeholder("${file:/run/secrets/a}")
    assert not is_placeholder(" ${env:A}")
    assert not is_placeholder("${env:A}${env:B}")
    assert not is_placeholder("$${env:A}")
    assert not is_placeholder("${A}")


@pytest.mark.parametrize(
    ("text", "environment", "secrets"),
    [
        ("${secret:PW}", {"PW": "s3cret"}, {"s3cret"}),
        ("${env:PW}", {"PW": "s3cret"}, set()),
        ("postgres://u:${secret:PW}@h/${env:DB}", {"PW": "s3cret", "DB": "x"}, {"s3cret"}),
        ("${secret:PW|none}", {}, set()),
        ("${secret:PW|none}", {"PW": "none"}, set()),
        ("${secret:PW|none}", {"PW": "s3cret"}, {"s3cret"}),
        ("$${secret:PW}", {"PW": "s3cret"}, set()),
    ],
)
def test_a_secret_is_what_the_manifest_calls_so_and_does_not_show(
    text: str, environment: dict[str, str], secrets: set[str]
) -> None:
    found: set[str] = set()

    Resolver(environment, Path()).resolve(text, found)

    assert found == secrets


@pytest.mark.parametrize(
    ("form", "value", "meant"),
    [
        ("${env:X}", "5", 5),
        ("${env:X}", "true", True),
        ("${env:X}", "no", "no"),
        ("${env:X}", "", None),
        ("${env:X}", "0123", "0123"),
        ("${env:X}", "1e999", "1e999"),
        ("${env:X}", '"5"', "5"),
        ("${env:X}", "[1, a]", [1, "a"]),
        ("${env:X}", "{a: '${env:Y}'}", {"a": "${env:Y}"}),
        ("${env:X}", "[a", "[a"),
        ("${env:X}", "*", "*"),
        ("${env:X}", "a: b", "a: b"),
        ("${env:Y|5}", "", 5),
        ("${env:X}5", "5", "55"),
        ("${secret:X}", "5", "5"),
        ("${secret:X}", "1e5", "1e5"),
    ],
)
def test_where_any_type_is_allowed_a_variable_takes_that_of_yaml_and_a_secret_is_text(
    form: str, value: str, meant: object, tmp_path: Path
) -> None:
    linkage = linked(settle(tmp_path), {"kind": "registry.entry", "v": form}, {"X": value})

    found = linkage.links[EntryId("app", "subject")].entry.fields["v"]
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [("max_processes", "5", 5), ("lifecycle.auto_start", "true", True)],
)
def test_a_whole_placeholder_takes_the_type_of_its_field(
    field: str, value: str, meant: object, tmp_path: Path
) -> None:
    entry: dict[str, Any] = {"kind": "process.host", "lifecycle": {}}
    *way, last = field.split(".")
    holder = entry[way[0]] if way else entry
    holder[last] = "${env:SECRET}"

    linkage = linked(settle(tmp_path), entry, {"SECRET": value})

    fields: Any = next(e for id, e in linkage.manifest.entries.items() if id.name == "subject")
    found = fields.fields
    for step in (*way, last):
        found = found[step]
    assert found == meant
    assert type(found) is type(meant)
