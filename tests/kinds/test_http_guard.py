from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from runtime.findings.finding import ManifestError
from tests.support.clock import FakeClock
from tests.support.hosting import GATEWAY, Hosted, hosted, linked
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - {name: open, kind: http.router, meta: {server: gateway}}
  - {name: closed, kind: http.router, meta: {server: gateway}, prefix: /in, guards: [login]}
  - {name: login, kind: http.guard, source: file://guards.py, method: login, modules: [http]}
  - {name: admin, kind: http.guard, source: file://guards.py, method: admin, modules: [http]}
  - {name: look, kind: http.guard, source: file://guards.py, method: look, modules: [http]}
  - {name: odd, kind: http.guard, source: file://guards.py, method: odd, modules: [http]}
  - {name: free, kind: http.endpoint, meta: {router: open}, method: GET, path: /free, func: show}
  - {name: in, kind: http.endpoint, meta: {router: closed}, method: GET, path: /x, func: show}
  - name: inner
    kind: http.endpoint
    meta: {router: closed}
    method: GET
    path: /admin/{id}
    func: show
    guards: [login, admin]
  - name: body.endpoint
    kind: http.endpoint
    meta: {router: open}
    method: POST
    path: /body
    func: body
    guards: [look]
  - name: plain.endpoint
    kind: http.endpoint
    meta: {router: open}
    method: POST
    path: /plain
    func: plain
    guards: [look, blocking]
  - {name: blocking, kind: http.guard, source: file://plain.py, method: blocking, modules: [http]}
  - name: odd_one
    kind: http.endpoint
    meta: {router: open}
    method: GET
    path: /odd
    func: show
    guards: [odd]
    timeout: 1h
  - {name: show, kind: function.python, source: file://h.py, method: show, modules: [http]}
  - {name: body, kind: function.python, source: file://h.py, method: body, modules: [http]}
  - {name: plain, kind: function.python, source: file://plain.py, modules: [http]}
  - name: files
    kind: http.static
    meta: {server: gateway}
    path: /files
    directory: ./public
    guards: [login]
"""
)
FILES = {
    "guards.py": """
        import asyncio
        from runtime.modules import http

        async def login(request):
            user = request.headers.get("x-user")
            if user is None:
                raise http.Error(401, "who are you?", headers={"WWW-Authenticate": "Basic"})
            request.state.user = user
            request.state.calls = getattr(request.state, "calls", 0) + 1
            http.response().set_header("x-seen", "yes")

        async def admin():
            return http.request().state.user == "root"

        async def look(request):
            request.state.seen = (await request.json())["n"]
            return True

        async def odd(request):
            match request.query_params["do"]:
                case "redirect":
                    return http.Response(status_code=303, headers={"location": "/login"})
                case "value":
                    return {"user": 1}
                case "fail":
                    raise ValueError("no such column")
                case "hang":
                    await asyncio.Event().wait()
    """,
    "h.py": """
        from runtime.modules import http

        async def show():
            return {**http.request().state._state, **http.request().path_params}

        async def body(request):
            return [request.state.seen, await request.json(), (await request.body()).decode()]
    """,
    "plain.py": """
        from runtime.modules.sync import http

        def blocking(request):
            same = request is http.request()
            try:
                request.body()
            except RuntimeError as error:
                request.state.error = str(error)
            request.state.same = same

        def main(request):
            state = request.state
            return [state.seen, state.same, state.error, request.json()]
    """,
    "public/a.txt": "a file",
}
USER, ROOT = "X-User: ann", "X-User: root"


def on_site(
    folder: Path, test: Callable[[Hosted], Coroutine[Any, Any, Any]], **options: Any
) -> Any:
    async def main() -> Any:
        async with hosted(folder, MANIFEST, FILES, **options) as site:
            return await test(site)

    return run(main())


def test_a_router_s_guard_is_asked_first_for_each_of_its_endpoints_and_once(
    tmp_path: Path,
) -> None:
    async def test(site: Hosted) -> None:
        assert (await site.get("/free")).json() == {}
        refused = await site.get("/in/x")
        assert (refused.status, refused.json()["detail"]) == (401, "who are you?")
        assert refused["www-authenticate"] == "Basic"
        passed = await site.get("/in/x", USER)
        assert (passed.json(), passed["x-seen"]) == ({"user": "ann", "calls": 1}, "yes")
        assert (await site.get("/in/admin/7")).status == 401
        forbidden = await site.get("/in/admin/7", USER)
        assert (forbidden.status, forbidden.json()["title"]) == (403, "Forbidden")
        assert (await site.get("/in/admin/7", ROOT)).json() == {
            "user": "root",
            "calls": 1,
            "id": "7",
        }

    on_site(tmp_path, test)


def test_what_no_endpoint_answers_is_not_guarded_and_head_is(tmp_path: Path) -> None:
    async def test(site: Hosted) -> list[int]:
        asked = [("GET", "/in/y"), ("POST", "/in/x"), ("OPTIONS", "/in/x"), ("HEAD", "/in/x")]
        return [(await site.get(path, method=method)).status for method, path in asked]

    assert on_site(tmp_path, test) == [404, 405, 204, 401]


def test_a_handler_reads_the_body_that_a_guard_has_read(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        sent = b'{"n":[1]}'
        read = await site.get("/body", method="POST", body=sent)
        assert read.json() == [[1], {"n": [1]}, sent.decode()]
        seen, same, error, again = (await site.get("/plain", method="POST", body=sent)).json()
        assert (seen, same, again) == ([1], True, {"n": [1]})
        assert error.endswith("write it as async def")
        assert (await site.get("/body", method="POST", body=b"{")).status == 400

    on_site(tmp_path, test)


def test_a_refused_client_need_not_send_its_body(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("guards: [look, blocking]", "guards: [login]")

    async def main() -> int:
        async with hosted(tmp_path, manifest, FILES) as site:
            client = await site.connect()
            client.send(b"POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            status = (await client.answer()).status
            await client.close()
            return status

    assert run(main()) == 401


def test_a_response_that_a_guard_returns_is_the_answer(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/odd?do=redirect")
        assert (answer.status, answer["location"]) == (303, "/login")
        assert (await site.get("/odd?do=nothing")).status == 200

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("do", "text"),
    [
        ("fail", "GET /odd failed: ValueError: no such column"),
        ("value", "GET /odd failed: TypeError: the guard returned a value of type dict; return"),
    ],
)
def test_the_failure_of_a_guard_is_logged_with_its_own_id(
    do: str, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(site: Hosted) -> int:
        return (await site.get(f"/odd?do={do}")).status

    assert on_site(tmp_path, test) == 500
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert line.getMessage().startswith(text)
    assert line.entry == "app:odd"  # type: ignore[attr-defined]


def test_the_timeout_of_an_endpoint_counts_its_guards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    time = FakeClock()

    async def test(site: Hosted) -> int:
        before = time.timers
        asked = asyncio.ensure_future(site.get("/odd?do=hang"))
        while time.timers == before:  # noqa: ASYNC110 - it sets a timer and no event
            await asyncio.sleep(0)
        await time.advance(3600)
        return (await asked).status

    assert on_site(tmp_path, test, clock=time.clock) == 504
    (line,) = [each for each in caplog.records if "took longer" in each.getMessage()]
    assert line.entry == "app:odd"  # type: ignore[attr-defined]


def test_files_stand_behind_a_guard_too(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        statuses = [(await site.get(path)).status for path in ("/files/a.txt", "/files", "/files/")]
        assert statuses == [401, 401, 401]
        assert (await site.get("/files/a.txt", USER)).body == b"a file"

    on_site(tmp_path, test)


def test_guards_are_edges_of_the_graph_and_part_of_a_reload(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        links = site.application.linked.links
        inner = {
            str(id)
            for id in next(
                link.references.values() for id, link in links.items() if id.name == "inner"
            )
        }
        assert {"app:login", "app:admin"} <= inner
        await site.apply(MANIFEST.replace("prefix: /in, guards: [login]", "prefix: /in"))
        assert (await site.get("/in/x")).status == 200

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("guards: [login]}", "guards: [logn]}", "no entry 'app:logn'; did you mean 'app:login'?"),
        ("guards: [login]}", "guards: [show]}", "is of kind function.python, not http.guard or"),
        ("async def admin():", "async def admin(a, b):", "'admin' takes 2 arguments, but a req"),
        ("return True", "yield True", "this 'yield' makes 'look' a generator, of which a request"),
        ("method: admin", "method: admn", "no function 'admn' in 'guards.py'; did you mean"),
    ],
)
def test_mistakes_with_guards_are_findings(old: str, new: str, found: str, tmp_path: Path) -> None:
    files = {name: text.replace(old, new) for name, text in FILES.items()}

    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, MANIFEST.replace(old, new), files)

    assert found in str(caught.value)


def test_an_endpoint_without_guards_is_called_as_before(tmp_path: Path) -> None:
    async def test(site: Hosted) -> None:
        route = site.application.scope.component("free", "app")
        function = site.application.scope.component("show", "app")
        assert route.handler is function.call
        assert route.guards == ()
        inner = site.application.scope.component("inner", "app")
        assert [str(guard.id) for guard in inner.guards] == ["app:login", "app:admin"]

    on_site(tmp_path, test)
