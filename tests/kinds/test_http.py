from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from runtime.clock import REAL, Clock
from runtime.engines.web.routes import Route
from runtime.entry_id import EntryId
from runtime.findings.finding import Position
from runtime.handlers.context import ApplicationContext, Call, current
from runtime.kind import BuildContext, Stage, StartError
from runtime.kinds.http import Part, endpoint, router, service, static
from runtime.modules import http
from runtime.modules.sync import http as blocking_http
from tests.support.clock import FakeClock
from tests.support.serving import PATIENT, run, running

FOLDER = Path(__file__).parent
SCOPE = ApplicationContext()


class Handlers:
    def load(self, *arguments: Any) -> Any:
        raise AssertionError("no handler is loaded here")


def context(name: str = "entry", folder: Path = FOLDER, clock: Clock = REAL) -> BuildContext:
    return BuildContext(
        id=EntryId("app", name),
        scope=SCOPE,
        folder=folder,
        manifest_folder=folder,
        position=lambda *path: Position("_index.yaml", 1, len(path)),
        handlers=Handlers(),
        clock=clock,
    )


class Function:
    def __init__(self, handler: Any, *, takes_argument: bool = False) -> None:
        self.id = EntryId("app", "function")
        self.takes_argument = takes_argument
        self.blocking = not asyncio.iscoroutinefunction(handler)
        self._handler = handler

    def call(self, subject: object, *arguments: Any) -> Awaitable[Any]:
        current.set(Call(self.id, SCOPE, subject))
        if self.blocking:
            return asyncio.to_thread(self._handler, *arguments)
        return self._handler(*arguments)  # type: ignore[no-any-return]


class Site:
    """A server with what refers to it, composed as an application composes them."""

    def __init__(self, addr: str = "127.0.0.1:0", tls: service.TlsConfig | None = None) -> None:
        config = service.Config(
            addr=addr, timeouts=PATIENT, max_body=1000, max_connections=None, tls=tls
        )
        self.server = service.HttpService(config, context("gateway"))
        self._parts: list[Part] = []
        self._routes: dict[Part, list[Route]] = {}

    def router(self, prefix: str = "", middleware: Any = (), options: Any = None) -> router.Router:
        config = router.Config(
            meta=router.Meta(server=self.server),
            prefix=prefix,
            middleware=list(middleware),
            options=options,
        )
        made = router.Router(config, context("router"))
        self._parts.append(made)
        return made

    def folder(self, parent: Path, **fields: Any) -> None:
        config = static.Config(
            **{
                "meta": static.Meta(server=self.server),
                "path": "/",
                "spa": False,
                "index": "index.html",
                "cache": None,
                **fields,
            }
        )
        self._parts.append(static.StaticFolder(config, context("site", parent)))

    def endpoint(
        self,
        on: router.Router,
        method: str,
        path: str,
        handler: Any,
        *,
        argument: bool = False,
        timeout: float | None = None,
        clock: Clock = REAL,
    ) -> None:
        config = endpoint.Config(
            meta=endpoint.Meta(router=on),
            method=method,
            path=path,
            func=Function(handler, takes_argument=argument),
            timeout=timeout,
        )
        self._routes.setdefault(on, []).append(
            endpoint.build(config, context("endpoint", clock=clock))
        )

    def compose(self) -> service.HttpService:
        for on, routes in self._routes.items():
            router.Router.compose(on, routes)  # type: ignore[arg-type]
        self.server.compose(self._parts)
        return self.server


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
