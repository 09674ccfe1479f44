"""Which middleware guards what no endpoint answers, however the entries are ordered."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.web.files import Files
from runtime.engines.web.routes import Group, Route, Routes
from tests.support.serving import hello, route, run, served


def tagging(name: str) -> Callable[[Any], Any]:
    """A middleware that adds its name to the response."""

    def wrap(app: Any) -> Any:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            async def tag(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-via", name.encode())]
                await send(message)

            await app(scope, receive, tag)

        return call

    return wrap


def group(name: str, prefix: str, *middleware: str) -> Group:
    wraps = {each.partition(":")[0]: tagging(each) for each in middleware}
    return Group(prefix=prefix, name=name, middleware=wraps)


def passed(groups: list[Group], routes: list[Route], path: str) -> tuple[str, ...]:
    """The middleware that a request for `path` goes through, the outermost first."""

    async def main() -> list[str]:
        async with served(routes, groups=groups) as server:
            answer = await server.get(path)
            return [value for name, value in answer.headers if name == "x-via"]

    return tuple(reversed(run(main())))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("a")
    return tmp_path


@pytest.mark.parametrize("at", ["/", "/assets", "/assets/deep"])
def test_files_are_guarded_as_a_path_that_is_not_served(folder: Path, at: str) -> None:
    top, api = group("app:top", "", "limit"), group("app:api", "/api", "token")
    routes = Files(folder).routes(at, "app:files")
    file = f"{at.rstrip('/')}/a.txt"

    seen = {passed([*order], routes, file) for order in permutations([top, api])}

    assert seen == {("limit",)} == {passed([top, api], routes, "/nowhere")}
    assert passed([top, api], routes, "/api/a.txt") == ("token",)


def test_the_redirect_to_a_folder_is_guarded_like_its_files(folder: Path) -> None:
    routes = Files(folder).routes("/assets", "app:files")

    assert passed([group("app:top", "", "token")], routes, "/assets") == ("token",)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([("app:open", "", ()), ("app:closed", "", ("token",))], ("token",)),
        ([("app:a", "", ("cors",)), ("app:b", "", ("token",))], ("cors", "token")),
        ([("app:a", "", ("limit:1",)), ("app:b", "", ("limit:2",))], ("limit:1",)),
        (
            [("app:a", "", ("limit:1",)), ("app:b", "", ("real_ip", "limit:2"))],
            ("real_ip", "limit:2"),
        ),
    ],
)
def test_routers_of_one_prefix_guard_together_what_none_of_them_answers(
    groups: list[tuple[str, str, tuple[str, ...]]], expected: tuple[str, ...], folder: Path
) -> None:
    made = [group(name, prefix, *middleware) for name, prefix, middleware in groups]
    routes = Files(folder).routes("/", "app:files")

    for order in permutations(made):
        assert passed([*order], routes, "/a.txt") == expected
        assert passed([*order], routes, "/nowhere") == expected


def test_an_endpoint_has_the_middleware_of_its_own_router_alone() -> None:
    public, private = group("app:public", "", "cors"), group("app:private", "", "token")
    routes = [
        route("GET", "/login", hello, group=public),
        route("GET", "/tasks", hello, group=private),
    ]

    for order in permutations([public, private]):
        assert passed([*order], routes, "/login") == ("cors",)
        assert passed([*order], routes, "/tasks") == ("token",)


def test_the_order_of_routes_decides_nothing() -> None:
    routes = [route("GET", path, hello) for path in ("/{id}", "/a", "/{rest...}", "/{id}/b")]
    paths = [b"/a", b"/b", b"/a/b", b"/a/c", b"/", b"/c/d/e"]

    seen = {
        tuple(Routes(order).match("GET", path).route for path in paths)
        for order in permutations(routes)
    }

    assert len(seen) == 1
