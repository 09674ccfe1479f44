"""A number, a truth value or a tuple is a response where the annotation announces it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.application.application import Application
from runtime.service import StartError
from tests.support.hosting import GATEWAY, hosted, linked
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: "file://h.py#get"}
"""
)


@pytest.mark.parametrize(
    ("annotation", "value", "body"),
    [
        ("int", "7", 7),
        ("bool", "False", False),
        ("float", "0.5", 0.5),
        ("tuple[int, str]", "(1, 'a')", [1, "a"]),
        ("set[int]", "{1}", [1]),
        ("int | None", "7", 7),
        ("Optional[int]", "7", 7),
        ("Annotated[int, 'a number']", "7", 7),
        ("NewType('Id', int)", "7", 7),
    ],
)
@pytest.mark.parametrize("define", ["async def", "def"])
def test_what_is_announced_is_sent_as_json(
    tmp_path: Path, define: str, annotation: str, value: str, body: Any
) -> None:
    code = f"""
    from typing import Annotated, NewType, Optional
    {define} get() -> {annotation}: return {value}
    """

    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, {"h.py": code}) as app:
            answer = await app.get("/")
            assert (answer.status, answer.json()) == (200, body)
            assert answer["content-type"] == "application/json"

    run(test())


@pytest.mark.parametrize("returns", ["", " -> dict"])
def test_what_is_not_is_a_mistake(tmp_path: Path, returns: str) -> None:
    async def test() -> None:
        code = f"async def get(){returns}: return 7"
        async with hosted(tmp_path, MANIFEST, {"h.py": code}) as app:
            assert (await app.get("/")).status == 500

    run(test())


def test_the_status_and_the_headers_of_the_response_stay(tmp_path: Path) -> None:
    code = """
    from runtime.modules import http
    async def get() -> int:
        http.response().set_status(201).set_header("X-Own", "1")
        return 7
    """

    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, {"h.py": code}) as app:
            answer = await app.get("/")
            assert (answer.status, answer.json(), answer["x-own"]) == (201, 7, "1")

    run(test())


def test_a_class_is_no_handler(tmp_path: Path) -> None:
    code = "class get:\n    async def __call__(self): pass\n"

    with pytest.raises(StartError, match=r"_index.yaml:\d+:\d+: 'get' is a class; name a function"):
        application = Application(linked(tmp_path, MANIFEST, {"h.py": code}))
        application.build()
