"""What stands around WebSockets: middleware, TLS, workers."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from runtime.testing import running as kit
from tests.support.blackbox import running, write_files
from tests.support.hosting import GATEWAY
from tests.support.serving import BOTH, SOON
from tests.support.sockets import HEADER, ROUTER, Site, on_sockets, received, socket_entry

CODE = """
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    class Base(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            if request.query_params.get("stop"):
                return http.Response("stopped", 418)
            response = await call_next(request)
            response.headers["x-base"] = "1"
            return response

    class Plain:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            assert scope["type"] == "http" and scope["method"] == "GET"
            await self.app({**scope, "state": {"seen": "by plain"}}, receive, send)

    async def talk(socket: http.WebSocket, seen: Annotated[str, http.State]):
        await socket.send([seen, socket.request.client.host])
        async for message in socket:
            await socket.send(message)
"""
OURS = "cors, compress, real_ip, session, csrf"


@BOTH
@pytest.mark.parametrize("names", [OURS, "plain", "plain, base", "gzip, plain, base, compress"])
def test_middleware_sees_a_get_and_may_answer_it(tmp_path: Path, names: str, loop: str) -> None:
    entered = ("plain", "base", "gzip")
    own = [f"app:{name}" if name in entered else name for name in names.split(", ")]
    if "app:plain" not in own:
        own.append("app:plain")
    secret = ', options: {session.secret: "0123456789abcdef0123456789abcdef"}'
    entries = (
        "  - {name: other, kind: http.router, meta: {server: gateway}, prefix: /m, "
        f"middleware: [{', '.join(own)}]{secret if 'session' in own else ''}}}\n"
    ) + socket_entry("talk").replace("router: router", "router: other")
    for name, cls in (("plain", "Plain"), ("base", "Base"), ("gzip", "GZipMiddleware")):
        entries += f'  - {{name: {name}, kind: http.middleware, class: "file://h.py#{cls}"}}\n'

    async def test(site: Site) -> None:
        for _ in range(2):
            async with site.open("/m/talk") as client:
                assert await received(client) == '["by plain","127.0.0.1"]'
                for message in ("a", b"b"):
                    await client.send(message)
                    assert await received(client) == message
                assert client.response is not None
                assert "content-encoding" not in client.response.headers or "gzip" in names
                assert client.response.headers["x-request-id"]
                assert ("x-base" in client.response.headers) == ("base" in names)
        if "base" in names:
            with pytest.raises(InvalidStatus) as refused:
                async with site.open("/m/talk?stop=1"):
                    pass
            assert refused.value.response.status_code == 418

    on_sockets(tmp_path, entries, CODE, test, loop=loop)


def test_they_work_over_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    secure = f", tls: {{cert: {cert}, key: {key}}}, lifecycle"
    manifest = GATEWAY.replace(", lifecycle", secure) + ROUTER + socket_entry("talk")
    code = HEADER + "async def talk(socket):\n    async for text in socket:\n"
    code += "        await socket.send(text * 1000)\n"
    write_files(tmp_path, {"_index.yaml": manifest, "h.py": code})
    with kit(tmp_path) as app, app.websocket("/talk") as socket:
        for text in ("a", "b" * 100):
            socket.send(text)
            assert socket.receive() == text * 1000


def test_each_worker_serves_its_own_and_closes_them_as_it_stops(tmp_path: Path) -> None:
    code = HEADER + "import os\n\nasync def talk(socket):\n    await socket.send(os.getpid())\n"
    code += "    async for text in socket:\n        pass\n"
    write_files(tmp_path, {"_index.yaml": GATEWAY + ROUTER + socket_entry("talk"), "h.py": code})
    with running(tmp_path, "--workers", "2") as site, contextlib.ExitStack() as clients:
        url = site.address.replace("http", "ws") + "/talk"
        workers = set()
        opened = []
        while len(workers) < 2:
            opened.append(clients.enter_context(connect(url)))
            workers.add(opened[-1].recv(timeout=SOON))
        assert site.stop() == 0
        for client in opened:
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=SOON)
            assert client.protocol.close_code == 1012
