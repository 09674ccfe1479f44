from __future__ import annotations

import asyncio
import sys

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import NO_GROUP, Group, Match, Route, Routes
from tests.support.serving import GROUP, route


async def nothing(exchange: Exchange) -> None: ...


def table(*specs: str) -> Routes:
    return Routes(route(*spec.split(" "), nothing) for spec in specs)  # type: ignore[arg-type]


def found(match: Match) -> tuple[str, dict[str, str]] | None:
    return None if match.route is None else (match.route.path, dict(match.params))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/tasks", ("/tasks", {})),
        ("/tasks/", None),
        ("/tasks/7", ("/tasks/{id}", {"id": "7"})),
        ("/tasks/new", ("/tasks/new", {})),
        ("/tasks/7/log", ("/tasks/{id}/log", {"id": "7"})),
        ("/tasks/new/log", ("/tasks/{id}/log", {"id": "new"})),
        ("/tasks/new/draft", ("/tasks/new/draft", {})),
        ("/tasks//log", None),
        ("/files/", ("/files/{rest...}", {"rest": ""})),
        ("/files", None),
        ("/files/a/b.txt", ("/files/{rest...}", {"rest": "a/b.txt"})),
        ("/files/a/meta", ("/files/{name}/meta", {"name": "a"})),
        ("/files/a/meta/x", ("/files/{rest...}", {"rest": "a/meta/x"})),
        ("/nowhere", None),
        ("//tasks", None),
        ("*", None),
    ],
)
def test_static_segments_beat_parameters_with_backtracking(
    path: str, expected: tuple[str, dict[str, str]] | None
) -> None:
    routes = table(
        "GET /",
        "GET /tasks",
        "GET /tasks/{id}",
        "GET /tasks/new",
        "GET /tasks/{id}/log",
        "GET /tasks/new/draft",
        "GET /files/{rest...}",
        "GET /files/{name}/meta",
    )

    assert expected == found(routes.match("GET", path.encode()))


def test_a_path_without_the_method_does_not_hide_one_that_has_it() -> None:
    routes = table("POST /users/me", "GET /users/{id}")

    assert found(routes.match("GET", b"/users/me")) == ("/users/{id}", {"id": "me"})


def test_a_wrong_method_tells_all_methods_of_the_path() -> None:
    routes = table("POST /users/me", "GET /users/{id}", "PUT /users/{rest...}")

    match = routes.match("DELETE", b"/users/me")

    assert (None, {"POST", "GET", "HEAD", "PUT"}) == (match.route, match.allowed)


def test_head_follows_get_unless_there_is_one_of_its_own() -> None:
    routes = table("GET /a", "GET /b", "HEAD /b", "GET /c/{id}")

    methods = [routes.match("HEAD", path.encode()).route for path in ("/a", "/b", "/c/1")]

    assert [found.method for found in methods if found] == ["GET", "HEAD", "GET"]


def test_an_escaped_slash_separates_no_segments() -> None:
    routes = table("GET /a/{id}/c", "GET /a/b/b/c")

    assert found(routes.match("GET", b"/a/b%2Fb/c")) == ("/a/{id}/c", {"id": "b/b"})


def test_parameters_of_one_place_may_have_several_names() -> None:
    routes = table("GET /a/{x}", "PUT /a/{y}", "GET /a/{z}/b")

    assert [
        dict(routes.match("GET", b"/a/1").params),
        dict(routes.match("PUT", b"/a/1").params),
        dict(routes.match("GET", b"/a/1/b").params),
    ] == [{"x": "1"}, {"y": "1"}, {"z": "1"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/{a...}", "/{b...}")],
)
def test_the_same_method_and_path_twice_is_refused(first: str, second: str) -> None:
    with pytest.raises(ValueError, match="is taken by GET"):
        table(f"GET {first}", f"GET {second}")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tasks", "does not begin with '/'; write '/tasks'"),
        ("/{rest...}/x", "is not the last segment"),
        ("/{id}/{id}", "the parameter 'id' twice"),
        ("/a{id}", "malformed"),
        ("/{1}", "malformed"),
        ("/a%20b", "malformed"),
        ("/a?b", "malformed"),
        ("/:id}", "malformed"),
    ],
)
def test_a_malformed_path_is_refused(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        Routes([Route(method="GET", path=path, handler=nothing, group=GROUP)])


def test_a_lookup_among_a_thousand_routes_makes_the_calls_of_one_among_two() -> None:
    few = table("GET /a/{x}/b", "GET /z")
    many = table(*(f"GET /r{number}/{{id}}/b" for number in range(1000)), "GET /a/{x}/b", "GET /z")

    assert calls(few, "/a/1/b") == calls(many, "/a/1/b")
    assert calls(few, "/z") == calls(many, "/z")


def test_a_path_without_parameters_costs_two_lookups_in_a_dict() -> None:
    routes = table("GET /a/{x}", "GET /z", "POST /z")

    match_get_get_and_the_end_of_counting = 4
    assert calls(routes, "/z") == match_get_get_and_the_end_of_counting


def test_a_match_has_the_group_whose_middleware_stands_before_it() -> None:
    top, api, files = Group(prefix=""), Group(prefix="/api"), Group(prefix="/api/files")
    below = Route(method="GET", path="/{rest...}", handler=nothing, group=top, is_fallback=True)
    deep = route("GET", "/api/files/{id}", nothing, group=files)
    routes = Routes([below, deep], [top, api, files])

    groups = {
        path: routes.match("GET", path).group
        for path in (b"/x", b"/api/x", b"/apis", b"/api/files/7", b"/api/%FF", b"*")
    }

    assert groups == {
        b"/x": top,
        b"/api/x": api,
        b"/apis": top,
        b"/api/files/7": files,
        b"/api/%FF": api,
        b"*": NO_GROUP,
    }


def test_a_path_that_is_not_utf_8_is_told_from_one_that_is_not_there() -> None:
    routes = table("GET /a/{x}")

    assert [routes.match("GET", path).decodable for path in (b"/a/%FF", b"/b")] == [False, True]


def calls(routes: Routes, path: str) -> int:
    """How many functions, ours and built-in ones, a lookup calls."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    raw_path = path.encode()
    sys.setprofile(see)
    try:
        assert routes.match("GET", raw_path).route is not None
    finally:
        sys.setprofile(None)
    return count


def test_a_hostile_path_is_answered_at_once() -> None:
    depth = 60
    routes = table(
        "GET /" + "/".join(["a"] * depth),
        *(
            "GET /" + "/".join(["a"] * up + [f"{{x{up}}}"] + ["a"] * (depth - up))
            for up in range(depth)
        ),
    )

    async def look() -> Match:
        return routes.match("GET", b"/a" * (depth + 20))

    assert None is asyncio.run(asyncio.wait_for(look(), 30)).route
