from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from runtime.findings.finding import ManifestError
from tests.support.hosting import GATEWAY, Hosted, hosted, linked, start_error
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - name: router
    kind: http.router
    meta: {server: gateway}
    middleware: [cors, app:stamp, app:hosts, app:base]
  - name: stamp
    kind: http.middleware
    class: file://m.py#Stamp
    options: {name: x-stamp, value: a}
  - name: hosts
    kind: http.middleware
    class: module://starlette.middleware.trustedhost#TrustedHostMiddleware
    options: {allowed_hosts: [good.test]}
  - {name: base, kind: http.middleware, class: "file://m.py#Base"}
  - {name: db, kind: db.sql.sqlite, file: ":memory:"}
  - {name: e, kind: http.endpoint, meta: {router: router}, method: POST, path: /x, func: "file://h.py"}
"""
)
FILES = {
    "h.py": """
        async def main(request):
            return [request.state.from_base, (await request.body()).decode()]
    """,
    "m.py": """
        from starlette.middleware.base import BaseHTTPMiddleware
        from runtime.modules import logger, sql

        class Stamp:
            def __init__(self, app, name, value):
                self.app, self.header = app, (name.encode(), value.encode())

            async def __call__(self, scope, receive, send):
                if scope["path"] == "/fail":
                    raise ValueError("broken")
                logger.info("stamping")
                row = await sql.get("db").query_one("SELECT 7 AS n")
                assert row == {"n": 7}

                async def stamped(message):
                    if message["type"] == "http.response.start":
                        message["headers"] = [*message["headers"], self.header]
                    await send(message)

                await self.app(scope, receive, stamped)

        class Base(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                request.state.from_base = len(await request.body())
                return await call_next(request)
    """,
}
HOST = "Host: good.test"


def test_asgi_middleware_stands_around_all_of_a_router(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with hosted(tmp_path, MANIFEST, FILES) as site:
            answer = await site.get("/x", HOST, "Origin: https://a.test", method="POST", body=b"1")
            assert (answer.json(), answer["x-stamp"]) == ([1, "1"], "a")
            assert answer["access-control-allow-origin"] == "*"
            for path, status in (("/nowhere", 404), ("/x", 405)):
                answer = await site.get(path, HOST)
                assert (answer.status, answer["x-stamp"]) == (status, "a")
            assert (await site.get("/x", "Host: bad.test", method="POST")).status == 400

    run(main())
    assert [each.getMessage() for each in caplog.records].count("stamping") == 4


def test_the_failure_of_a_middleware_is_logged_with_its_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> int:
        async with hosted(tmp_path, MANIFEST, FILES) as site:
            return (await site.get("/fail", HOST)).status

    assert run(main()) == 500
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert line.entry == "app:stamp"  # type: ignore[attr-defined]


def test_what_it_uses_is_an_edge_of_the_graph(tmp_path: Path) -> None:
    links = linked(tmp_path, MANIFEST, FILES).links
    targets: Any = {id.name: [str(each) for each in link.targets] for id, link in links.items()}

    assert targets["stamp"] == ["app:db"]
    assert targets["router"] == ["app:gateway", "app:stamp", "app:hosts", "app:base"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("value: a", "valu: a", "the middleware 'app:stamp' cannot be made: TypeError: "),
        ("#Base", "#none", "the middleware 'app:base' is of type NoneType, which is no ASGI"),
    ],
)
def test_a_class_that_makes_none_ends_the_start(
    old: str, new: str, found: str, tmp_path: Path
) -> None:
    files = {**FILES, "m.py": FILES["m.py"] + "\n        def none(app): ...\n"}

    assert found in run(start_error(tmp_path, MANIFEST.replace(old, new), files))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("app:base]", "app:bas]", "no entry 'app:bas'; did you mean 'app:base'?"),
        ("app:base]", "app:db]", "'app:db' is of kind db.sql.sqlite, not http.middleware"),
        ("app:base]", "base]", "an entry is named with its namespace: 'app:name'"),
        ("#Base", "#Bas", "'Bas' in 'm.py'"),
        ("m.py#Base", "n.py#Base", "no file 'n.py'"),
        (
            "module://starlette.middleware.trustedhost",
            "module://starlet.x",
            "no module 'starlet.x'",
        ),
    ],
)
def test_mistakes_with_middleware_are_findings(
    old: str, new: str, found: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, MANIFEST.replace(old, new, 1), FILES)

    assert found in str(caught.value)


def test_a_reload_takes_changed_options(tmp_path: Path) -> None:
    async def test(site: Hosted) -> str:
        await site.apply(MANIFEST.replace("value: a", "value: b"), FILES)
        return (await site.get("/nowhere", HOST))["x-stamp"]

    async def main() -> str:
        async with hosted(tmp_path, MANIFEST, FILES) as site:
            return await test(site)

    assert run(main()) == "b"
