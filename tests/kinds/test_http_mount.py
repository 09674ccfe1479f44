from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from tests.support.hosting import Hosted, hosted, linked
from tests.support.mounting import FILES, MANIFEST, alone, on_site
from tests.support.serving import SOON, run

KEY = "X-Key: k"


def test_an_application_sees_its_requests_as_asgi_says(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/bare/a%2Fb", method="PATCH", body=b"123")
        assert answer.status == 201
        assert answer.json() == {
            "path": "/bare/a/b",
            "raw": "/bare/a%2Fb",
            "root_path": "/bare",
            "method": "PATCH",
            "state": {"pool": [1]},
            "size": 3,
            "own": [],
            "params": {},
        }
        ids = [value for name, value in answer.headers if name == "x-request-id"]
        assert len(ids) == 1
        assert ids != ["mine"]

    on_site(tmp_path, test)


def test_every_method_reaches_it_and_the_bare_path_is_redirected(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        for method in ("GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND"):
            assert (await site.get("/bare/", method=method)).status == 201
        redirect = await site.get("/bare?a=1", method="POST")
        assert (redirect.status, redirect["location"]) == (308, "/bare/?a=1")
        assert (await site.get("/barely")).status == 404

    on_site(tmp_path, test)


def test_an_endpoint_and_a_longer_path_go_first(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        assert (await site.get("/bare/one")).body == b"an endpoint"
        assert (await site.get("/bare/one", method="POST")).status == 201
        assert (await site.get("/bare/deep/item/3")).json() == {"id": 3}
        assert (await site.get("/bare/deeper")).json()["root_path"] == "/bare"

    on_site(tmp_path, test)


def test_starlette_finds_its_state_its_url_and_its_own_parameters(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        assert (await site.get("/bare/deep/", "Host: a.test")).json() == {
            "db": "open",
            "url": "http://a.test/bare/deep/item/7",
            "params": {},
        }
        assert (await site.get("/bare/deep/none")).status == 404
        assert (await site.get("/bare/deep/stream")).body == b"ab"

    on_site(tmp_path, test)


def test_fastapi_stands_behind_the_router_s_guards_and_middleware(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        asked = ("/in/fast/notes/7", "Content-Type: application/json", "Origin: https://a.test")
        refused = await site.get(*asked, method="POST", body=b'{"text":"x"}')
        assert (refused.status, refused["access-control-allow-origin"]) == (401, "*")
        added = await site.get(*asked, KEY, method="POST", body=b'{"text":"x"}')
        assert added.json() == {"id": 7, "text": "x", "user": "ann"}
        assert added["access-control-allow-origin"] == "*"
        assert (await site.get(*asked, KEY, method="POST", body=b"{}")).status == 422
        page = await site.get("/in/fast/docs", KEY)
        assert b"/in/fast/openapi.json" in page.body

    on_site(tmp_path, test)


def test_a_failing_application_is_a_500_with_the_mount_s_id_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(site: Hosted) -> int:
        return (await site.get("/bare/deep/fail")).status

    assert on_site(tmp_path, test) == 500
    lines = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.entry for each in lines] == ["app:deep"]  # type: ignore[attr-defined]


def test_an_application_reads_the_body_that_a_guard_has_read(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("path: /bare, app", "path: /bare, guards: [look], app")
    manifest += "  - {name: look, kind: http.guard, source: file://look.py, method: look}\n"
    look = """
        async def look(request):
            if "stream" in request.query_params:
                async for part in request.stream():
                    pass
            else:
                request.state.seen = len(await request.body())
    """

    async def main() -> None:
        async with hosted(tmp_path, manifest, {**FILES, "look.py": look}) as site:
            seen = (await site.get("/bare/", method="POST", body=b"12345")).json()
            assert (seen["size"], seen["state"]) == (5, {"pool": [1], "seen": 5})
            assert (await site.get("/bare/?stream", method="POST", body=b"1")).status == 500

    run(main())


def test_a_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    manifest = MANIFEST.replace('addr: "127.0.0.1:0"', 'addr: "127.0.0.1:0", max_body: 10B')

    async def test(site: Hosted) -> None:
        assert (await site.get("/bare/", method="POST", body=b"1" * 10)).json()["size"] == 10
        assert (await site.get("/bare/", method="POST", body=b"1" * 11)).status == 413
        client = await site.connect()
        head = b"POST /bare/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head + b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")
        assert (await client.answer()).status == 413
        await client.close()

    on_site(tmp_path, test, manifest)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('#app"}', '#ap"}', "'ap' in 'bare.py'"),
        ("file://bare.py", "file://bar.py", "no file 'bar.py'; did you mean 'bare.py'?"),
        ("bare.py#app", "bare.py", "is 'file://bare.py', not an application; write file://"),
        ("path: /bare/deep", "path: /bare/", "the path /bare is taken on 'app:gateway'|is taken"),
        ("path: /bare/deep, ", "path: /d, guards: [x], ", "no entry 'app:x'"),
        ("meta: {router: router}", "meta: {}", "'meta' names no router or server; write 'router'"),
        (
            "meta: {router: router}",
            "meta: {router: router, server: gateway}",
            "'meta' names a router and a server; write 'router', or 'server'",
        ),
    ],
)
def test_mistakes_with_mounts_are_findings(old: str, new: str, found: str, tmp_path: Path) -> None:
    assert old in MANIFEST

    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, MANIFEST.replace(old, new, 1), FILES)

    assert any(each in str(caught.value) for each in found.split("|"))


def test_a_client_that_leaves_is_known_to_the_application(tmp_path: Path) -> None:
    files = {
        "h.py": """
            import asyncio

            gone = asyncio.Event()
            began = asyncio.Event()

            async def app(scope, receive, send):
                if scope["type"] != "http":
                    return
                await receive()
                began.set()  # one that leaves before the next line may still read the response
                while (await receive())["type"] != "http.disconnect":
                    pass
                gone.set()
        """
    }

    async def main() -> None:
        async with hosted(tmp_path, alone("file://h.py#app"), files) as site:
            app = site.application.scope.component("site", "app")._mount._app
            client = await site.connect()
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(app.__globals__["began"].wait(), SOON)
            await client.close()
            await asyncio.wait_for(app.__globals__["gone"].wait(), SOON)

    run(main())
