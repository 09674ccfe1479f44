"""Overrides: fields changed from the command line, typed and validated like the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.override import Override
from runtime.manifest.reader import Manifest, read
from runtime.registry import Registry

MANIFEST = """\
namespace: app
entries:
  - name: h
    kind: process.host
  - name: data
    kind: registry.entry
    list: [a, b]
    deep: {x: 1}
  - name: g
    kind: http.service
    addr: ":80"
  - name: r
    kind: http.router
    meta: {server: g}
    middleware: [ratelimit]
"""


def manifest(folder: Path, *overrides: str, **environment: str) -> Manifest:
    (folder / "_index.yaml").write_text(MANIFEST)
    return read(folder, [Override.parse(text) for text in overrides], environment)


def field(folder: Path, override: str, **environment: str) -> Any:
    """The value of the changed field."""
    parsed = Override.parse(override)
    value: Any = manifest(folder, override, **environment).entries[parsed.id].fields
    for step in parsed.path:
        value = value[step if isinstance(value, list) else str(step)]
    return value


def findings(folder: Path, *overrides: str, **environment: str) -> list[str]:
    try:
        link(manifest(folder, *overrides, **environment), Registry())
    except ManifestError as error:
        return [str(finding) for finding in error.findings]
    return []


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("app:h:max_processes=5", 5),
        ("app:data:new=text", "text"),
        ("app:data:new=no", "no"),
        ("app:data:new='5'", "5"),
        ("app:data:new=", None),
        ("app:data:new=[1, x]", [1, "x"]),
        ("app:data:new={a: 1}", {"a": 1}),
        ("app:data:new=:memory:", ":memory:"),
        ("app:data:new=[::1]:8080", "[::1]:8080"),
        ("app:data:new=a=b:c", "a=b:c"),
        ("app:data:list.1=z", "z"),
        ("app:data:deep.x=2", 2),
        ("app:data:made.on.the.way=true", True),
        ('app:data:"a.b".c=1', 1),
        ("app:data:meta.note=x", "x"),
    ],
)
def test_a_field_is_changed(override: str, value: Any, tmp_path: Path) -> None:
    assert field(tmp_path, override) == value


def test_the_last_of_two_wins_and_others_are_left_alone(tmp_path: Path) -> None:
    changed = manifest(tmp_path, "app:data:deep.x=2", "app:data:deep.x=3", "app:data:deep.y=4")

    assert changed.entries[EntryId("app", "data")].fields["deep"] == {"x": 3, "y": 4}
    assert changed.findings == []


def test_a_kind_can_be_changed(tmp_path: Path) -> None:
    assert manifest(tmp_path, "app:h:kind=registry.entry").entries[EntryId("app", "h")].kind == (
        "registry.entry"
    )


def test_an_override_may_hold_a_placeholder(tmp_path: Path) -> None:
    assert field(tmp_path, "app:data:new=${env:NAME}", NAME="value") == "value"
    assert findings(tmp_path, "app:data:new=${env:NAME}") == [
        "-o app:data:new: the environment variable 'NAME' is not set; "
        "set it, or give a default: ${env:NAME|…}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "=", "a:b", "a:b:c", "a:b=1", ":b:c=1", "a::c=1", "a:b:=1",
        "a:b:c..d=1", "a:b:.c=1", "a:b:c.=1", 'a:b:"c=1', 'a:b:""=1', 'a:b:"c"d=1',
    ],
)  # fmt: skip
def test_what_has_not_the_form_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"write namespace:entry:field\.path=value"):
        Override.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:b:name=c", "would rename an entry"),
        ("a:b:c=[", "the value of 'a:b:c' cannot be read: a bracket that is never closed"),
        ("a:b:c=*x", "cannot be read: alias"),
        ("a:b:c=\udc80", "the value of 'a:b:c' cannot be read"),
        ("a:b:" + "c." * 100 + "d=1", "nested deeper than 64"),
    ],
)
def test_what_cannot_be_done_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Override.parse(text)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("app:hh:x=1", "-o app:hh:x: no entry 'app:hh'; did you mean 'app:h'?"),
        ("app:h:max=1", "-o app:h:max: unknown field 'max'"),
        ("app:h:max_processes=no", "-o app:h:max_processes: 'max_processes' is text, not a whole"),
        ("app:data:list.2=x", "-o app:data:list.2: no item 2 to change; lists are changed by"),
        ("app:data:list.x=x", "-o app:data:list.x: no item x to change"),
        ("app:data:list.0.x=x", "-o app:data:list.0.x: 'list.0' holds no fields to change"),
        ("app:h:kind=7", "-o app:h:kind: 'kind' is not text"),
        ("app:h:kind=process.hots", "-o app:h:kind: unknown kind '…'; did you mean"),
        ("app:r:meta.server=h", "-o app:r:meta.server: 'app:h' is of kind process.host, not http"),
        # what was made on the way to the field stands on the command line too, and nowhere else
        ("app:h:lifecycle.restart.delay=1s", "-o app:h:lifecycle.restart.delay: unknown field"),
        ("app:r:options.cors.max.age=3", "-o app:r:options.cors.max.age: unknown field 'cors'"),
        ('app:r:options."ratelimit.burst"=x', '-o app:r:options."ratelimit.burst": option'),
    ],
)
def test_a_finding_stands_where_the_change_was_typed(
    override: str, said: str, tmp_path: Path
) -> None:
    (told,) = findings(tmp_path, override)

    assert told.startswith(said)


def test_what_was_not_changed_keeps_its_place_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "_index.yaml"
    overrides = [Override.parse("app:g:timeouts.idle=1s")]
    path.write_text(MANIFEST.replace('addr: ":80"', "addr: 80"))

    with pytest.raises(ManifestError) as caught:
        link(read(tmp_path, overrides, {}), Registry())

    (finding,) = caught.value.findings
    assert (finding.position.line, finding.position.column) == (11, 11)
