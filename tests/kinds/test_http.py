from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runtime.kind import Stage, StartError
from runtime.kinds.http import endpoint, router, service, static
from runtime.modules import http
from runtime.modules.sync import http as blocking_http
from tests.support.clock import FakeClock
from tests.support.serving import run, running
from tests.support.site import Site

FOLDER = Path(__file__).parent


def test_only_the_server_runs_and_it_starts_last() -> None:
    stages = [each.kind.stage for each in (service, router, endpoint, static)]

    assert stages == [Stage.SERVER, None, None, None]


def test_endpoints_built_after_their_server_are_served() -> None:
    site = Site()
    api = site.router("/api/")

    async def create() -> Any:
        body = await http.request().json()
        http.response().set_status(http.STATUS.CREATED)
        return {"id": 1, **body}

    async def show(request: http.Request) -> Any:
        return dict(request.path_params)

    def count(request: blocking_http.Request) -> Any:
        return {"same": request is blocking_http.request(), "body": request.json()}

    site.endpoint(api, "POST", "/tasks", create)
    site.endpoint(api, "GET", "/tasks/{id}", show, argument=True)
    site.endpoint(api, "PUT", "/tasks", count, argument=True)

    async def main() -> list[Any]:
        async with running(site.compose()) as serving:
            answers = [
                await serving.get("/api/tasks", method="POST", body=b'{"a":1}'),
                await serving.get("/api/tasks/7"),
                await serving.get("/api/tasks", method="PUT", body=b"[1]"),
                await serving.get("/tasks"),
                await serving.get("/api/tasks", method="POST", body=b'"' + b"a" * 1000 + b'"'),
                await serving.get("/api/tasks", method="PUT", body=b'"' + b"a" * 1000 + b'"'),
            ]
        return [(answer.status, answer.json()) for answer in answers]

    got = run(main())

    assert got[:3] == [
        (201, {"id": 1, "a": 1}),
        (200, {"id": "7"}),
        (200, {"same": True, "body": [1]}),
    ]
    assert [status for status, _ in got[3:]] == [404, 413, 413]


def test_an_endpoint_s_timeout_is_a_504_also_for_a_plain_def() -> None:
    site = Site()
    api = site.router()
    go = asyncio.Event()

    async def slow() -> None:
        await go.wait()

    site.endpoint(api, "GET", "/slow", slow, timeout=0.05)

    async def main() -> int:
        async with running(site.compose()) as serving:
            return (await serving.get("/slow")).status

    assert run(main()) == 504


def test_an_endpoint_s_timeout_goes_by_the_clock_of_the_application() -> None:
    site, time = Site(), FakeClock()
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await asyncio.Event().wait()

    site.endpoint(site.router(), "GET", "/slow", slow, timeout=3600, clock=time.clock)

    async def main() -> int:
        async with running(site.compose()) as serving:
            asked = asyncio.ensure_future(serving.get("/slow"))
            await began.wait()
            await time.advance(3600)
            return (await asked).status

    assert run(main()) == 504


def test_a_router_s_middleware_is_around_its_own_endpoints_alone() -> None:
    site = Site()
    limited = site.router("/a", ["ratelimit"], {"ratelimit.burst": 1})
    free = site.router("/b")

    async def hello() -> str:
        return "hello"

    site.endpoint(limited, "GET", "/x", hello)
    site.endpoint(free, "GET", "/x", hello)

    async def main() -> list[int]:
        async with running(site.compose()) as serving:
            paths = ["/a/x", "/a/x", "/a/nowhere", "/b/x", "/b/x"]
            return [(await serving.get(path)).status for path in paths]

    assert run(main()) == [200, 429, 429, 200, 200]


@pytest.mark.parametrize("written", ["", "/"])
def test_a_prefix_of_one_slash_is_none(written: str) -> None:
    assert Site().router(written).group.prefix == ""


def test_a_server_can_be_run_again() -> None:
    site = Site()

    async def hello() -> str:
        return "hello"

    site.endpoint(site.router(), "GET", "/x", hello)

    async def main() -> list[int]:
        statuses = []
        for _ in range(2):
            async with running(site.compose()) as serving:
                statuses.append((await serving.get("/x")).status)
        return statuses

    assert run(main()) == [200, 200]


def test_files_stand_behind_the_endpoints(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "index.html").write_text("home")
    (tmp_path / "public" / "x").write_text("file")
    site = Site()
    site.folder(tmp_path, directory="./public", spa=True)

    async def hello() -> str:
        return "handler"

    site.endpoint(site.router(), "GET", "/x", hello)

    async def main() -> list[bytes]:
        async with running(site.compose()) as serving:
            return [(await serving.get(path)).body for path in ("/x", "/", "/y")]

    assert run(main()) == [b"handler", b"home", b"home"]


def test_a_start_that_cannot_be_is_one_clear_sentence(tmp_path: Path) -> None:
    async def hello() -> str:
        return "hello"

    twice = Site()
    api = twice.router()
    for _ in range(2):
        twice.endpoint(api, "GET", "/x", hello)
    folderless = Site()
    folderless.folder(tmp_path, directory="no")
    tls = service.TlsConfig(cert="no.pem", key=None)

    for site, message in [
        (twice, "GET /x of 'app:function' is taken by GET /x of 'app:function'"),
        (folderless, "is not there; check 'directory'"),
        (Site("nonsense"), "'nonsense' is not an address"),
        (Site(tls=tls), "no.pem' is not there; check 'tls'"),
    ]:
        with pytest.raises(StartError, match=message):
            run(site.compose().run(lambda where="": None, asyncio.Event()))


@pytest.mark.parametrize("name", ["service", "router", "endpoint", "static"])
def test_a_schema_says_what_its_kind_takes(name: str) -> None:
    module = {"service": service, "router": router, "endpoint": endpoint, "static": static}[name]
    file = FOLDER.parents[1] / "schemas" / "kinds" / f"http.{name}.schema.json"
    properties = set(json.loads(file.read_text())["properties"])

    fields = set(module.Config.__struct_fields__)

    assert properties - {"name", "kind", "lifecycle", "meta"} == fields - {"meta"}
