"""What a connection leaves behind: nothing, also for the collector."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.server import ServerProtocol

from runtime.engines.web.protocol.connection import Connection
from runtime.engines.web.protocol.upgrade_cycle import UpgradeCycle
from runtime.engines.web.websocket.conversation import Conversation
from runtime.engines.web.websocket.frames import Frames
from runtime.engines.web.websocket.mounted import MountedSocket
from runtime.engines.web.websocket.upgrade import UpgradeExchange
from tests.support.consuming import until
from tests.support.remains import instances, without_collector
from tests.support.serving import BOTH, head
from tests.support.sockets import CLOSE, HANDSHAKE, TEXT, Site, frame, on_sockets, socket_entry

KINDS = (
    *(Connection, UpgradeCycle, UpgradeExchange, Conversation, MountedSocket),
    *(Frames, ServerProtocol),
)
CODE = """
    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async def fail(socket):
        await socket.send(await socket.receive())
        raise ValueError("no bread")

    async def waits(socket):
        await socket.send("x")
        await asyncio.Event().wait()  # asyncio keeps a cancelled timer, and its context, for long

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "x"})
        await receive()
"""
MOUNT = (
    "  - {name: own, kind: http.mount, meta: {router: router}, path: /own, "
    'app: "file://h.py#app"}\n'
)


@BOTH
@pytest.mark.parametrize("path", ["/echo", "/fail", "/waits", "/own/", "/none"])
def test_nothing_of_a_connection_is_left(
    tmp_path: Path, path: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest keeps what is logged, and the errors with it
    monkeypatch.setattr("runtime.engines.web.failure_log.FailureLog.failed", lambda *_: None)

    async def once(site: Site) -> None:
        if path == "/none":
            client = await site.connect()
            client.send(head("GET", path, *HANDSHAKE))
            assert (await client.answer()).status == 404
            await client.close()
            return
        async with site.raw(path) as socket:
            socket.send(frame(TEXT, b"x"))
            assert await socket.frame() == (TEXT, b"x")
            socket.send(frame(CLOSE))
            await socket.client.ended()

    async def test(site: Site) -> None:
        with without_collector():
            for _ in range(20):
                await once(site)
            await until(lambda: not instances(*KINDS))  # they end later than at the client

    entries = "".join(map(socket_entry, ("echo", "fail", "waits"))) + MOUNT
    on_sockets(tmp_path, entries, CODE, test, loop=loop)
