"""The keys of partitions: any value of a message, as a text that a database can compare."""

from __future__ import annotations

import pytest

from runtime.engines.queue.partitions import LONGEST, Partitions


def key(by: str, body: bytes, **headers: str) -> str | None:
    return Partitions(by=by, per_key=1).key(body, headers)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"tenant":{"id":"acme"}}', "acme"),
        (b'{"tenant":{"id":7}}', "7"),
        (b'{"tenant":{"id":true}}', "true"),
        (b'{"tenant":{"id":{"b":1,"a":[]}}}', '{"a":[],"b":1}'),
        (b'{"tenant":{"id":""}}', ""),
        (b'{"tenant":{"id":null}}', None),
        (b'{"tenant":{}}', None),
        (b'{"tenant":"acme"}', None),
        (b"[1]", None),
        (b"no JSON", None),
    ],
)
def test_a_key_is_the_value_at_its_place(body: bytes, expected: str | None) -> None:
    assert key("body.tenant.id", body) == expected


def test_the_whole_body_may_be_the_key() -> None:
    assert key("body", b'"acme"') == "acme"


def test_a_header_may_have_dots_in_its_name() -> None:
    assert key("headers.x.tenant", b"1", **{"x.tenant": "acme"}) == "acme"
    assert key("headers.x", b"1", **{"x.tenant": "acme"}) is None


@pytest.mark.parametrize("name", ["x" * 1000, "a\\u0000b", "a\\nb", "\\ud83d\\ude00" * 400])
def test_a_key_is_short_and_printable_and_still_its_own(name: str) -> None:
    found = key("body", f'"{name}"'.encode())
    other = key("body", f'"{name}!"'.encode())

    assert found
    assert other
    assert found != other
    assert max(len(found), len(other)) <= LONGEST
    assert found.isprintable()
