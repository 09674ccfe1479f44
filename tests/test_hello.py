"""The shortest application: one endpoint, and references by bare names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.blackbox import APPS, FREE_PORT, Site, running


@pytest.fixture(scope="module")
def hello() -> Iterator[Site]:
    with running(APPS / "hello", FREE_PORT) as site:
        yield site
        assert site.stop() == 0


def test_get_says_hello(hello: Site) -> None:
    reply = hello.ask("GET", "/hello")

    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {"message": "hello world"}


def test_head_answers_as_get_without_the_body(hello: Site) -> None:
    reply = hello.ask("HEAD", "/hello")

    assert reply.status == 200
    assert reply.headers["content-length"] == str(len('{"message":"hello world"}'))
    assert reply.body == b""


def test_options_says_what_is_allowed(hello: Site) -> None:
    reply = hello.ask("OPTIONS", "/hello")

    assert reply.status == 204
    assert reply.body == b""
    assert "GET" in reply.headers["allow"]


def test_post_is_not_allowed(hello: Site) -> None:
    reply = hello.ask("POST", "/hello", {})

    assert reply.status == 405
    assert "GET" in reply.headers["allow"].split(", ")
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/hello/x", "/hello/", "//hello", "/HELLO", "/hello%2F"])
def test_any_other_path_is_not_found(hello: Site, path: str) -> None:
    assert hello.ask("GET", path).status == 404


def test_two_hundred_requests_at_once_are_all_answered(hello: Site) -> None:
    replies = hello.ask_many([("GET", "/hello")] * 200, at_once=50)

    assert {(reply.status, reply.body) for reply in replies} == {
        (200, b'{"message":"hello world"}')
    }
