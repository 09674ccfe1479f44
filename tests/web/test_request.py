"""What `Request.__init__` writes in place of Starlette's two constructors."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from starlette.requests import Request as StarletteRequest

from runtime.engines.web.request import Request

SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}
OURS = {"_fast_path", "_max_body", "_content_length"}


async def receive() -> Any: ...


async def send(message: Any) -> None: ...


def theirs() -> StarletteRequest[Any]:
    return StarletteRequest(SCOPE, receive, send)


def ours() -> Request:
    return Request(SCOPE, receive, send, None, 1, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", SCOPE),
        ("_receive", receive),
        ("_send", send),
        ("_stream_consumed", False),
        ("_is_disconnected", False),
        ("_form", None),
    ],
)
def test_a_private_attribute_of_starlette_s_request_begins_as_ours_does(
    name: str, value: object
) -> None:
    assert vars(theirs())[name] is vars(ours())[name] is value


def test_starlette_s_request_has_no_attribute_that_ours_lacks() -> None:
    assert vars(theirs()).keys() == vars(ours()).keys() - OURS


def test_no_attribute_of_our_own_is_one_of_starlette_s() -> None:
    assert {name for name in OURS if hasattr(theirs(), name)} == set()


@pytest.mark.parametrize("name", ["_body", "_json"])
def test_starlette_keeps_what_was_read_where_we_do(name: str) -> None:
    method = {"_body": StarletteRequest.body, "_json": StarletteRequest.json}[name]

    assert f'hasattr(self, "{name}")' in inspect.getsource(method)
