"""The ends of connections: clients that leave, are slow or silent, and servers that stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.clock import FakeClock
from tests.support.serving import BOTH
from tests.support.sockets import (
    CLOSE,
    PING,
    PONG,
    SEEN,
    TEXT,
    Site,
    frame,
    on_sockets,
    received,
    seen,
    socket_entry,
)

BIG = 1 << 20


@BOTH
def test_a_handler_that_reads_gets_to_know_by_the_end_of_what_it_reads(
    tmp_path: Path, loop: str
) -> None:
    code = f"""{SEEN}
    async def loops(socket):
        messages = [message async for message in socket]
        await asyncio.sleep(0)  # its end is its own, and not cut off
        seen.put_nowait(messages)

    async def asks(socket):
        try:
            while True:
                await socket.receive()
        except http.Disconnected as end:
            seen.put_nowait([end.code, end.reason])
            raise
    """
    entries = "".join(map(socket_entry, ("watch", "loops", "asks")))

    async def test(site: Site) -> None:
        async with site.open("/loops") as client:
            await client.send("1")
            await client.send("2")
        assert await seen(site) == ["1", "2"]
        async with site.open("/asks") as client:
            await client.close(4000, "tea")
        assert await seen(site) == [4000, "tea"]
        async with site.raw("/asks") as socket:
            socket.client.writer.write_eof()
            await socket.client.ended()
        assert await seen(site) == [1006, ""]
        async with site.raw("/asks") as socket:
            socket.send(frame(TEXT, b"half")[:3])
            socket.client.writer.transport.abort()
        assert await seen(site) == [1006, ""]

    on_sockets(tmp_path, entries, code, test, loop=loop)


@BOTH
def test_a_handler_that_only_sends_is_cancelled_when_its_client_leaves(
    tmp_path: Path, loop: str
) -> None:
    code = f"""{SEEN}
    async def waits(socket):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.put_nowait("cancelled")
            raise

    async def sends(socket):
        await socket.receive()
        await socket.send("go")
        try:
            while True:
                await socket.send("x")
        except http.Disconnected as end:
            seen.put_nowait(end.code)
    """
    entries = "".join(map(socket_entry, ("watch", "waits", "sends")))

    async def test(site: Site) -> None:
        async with site.open("/waits"):
            pass
        assert await seen(site) == "cancelled"
        async with site.raw("/sends") as socket:
            socket.send(frame(TEXT, b"go"))
            assert await socket.frame() == (TEXT, b"go")
            socket.client.writer.transport.abort()
        assert await seen(site) == 1006

    on_sockets(tmp_path, entries, code, test, loop=loop)


def test_the_tasks_of_a_handler_may_end_with_the_connection_and_no_line_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = f"""{SEEN}
    async def fails(socket):
        await socket.receive()
        raise http.Error(409, "taken")

    async def pours(socket):
        while True:
            await socket.send("x")

    async def both(socket):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pours(socket))
                await asyncio.sleep(3600) if await socket.receive() else None
        finally:
            seen.put_nowait("ended")

    async def grouped(socket):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(socket))
    """
    entries = "".join(map(socket_entry, ("watch", "both", "grouped")))

    async def test(site: Site) -> None:
        async with site.raw("/both") as socket:
            socket.send(frame(TEXT, b"x"))
            assert await socket.frame() == (TEXT, b"x")
            socket.client.writer.transport.abort()
        assert await seen(site) == "ended"
        async with site.raw("/grouped") as socket:
            socket.send(frame(TEXT, b"x"))
            assert await socket.frame() == (CLOSE, (4409).to_bytes(2) + b"taken")

    on_sockets(tmp_path, entries, code, test)
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_a_handler_that_does_not_end_with_its_connection_is_cancelled_after_ten_seconds(
    tmp_path: Path,
) -> None:
    code = f"""{SEEN}
    async def stays(socket):
        async for message in socket:
            seen.put_nowait("reads")
        try:
            seen.put_nowait("told")
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.put_nowait("cancelled")
            raise
    """
    entries = "".join(map(socket_entry, ("watch", "stays")))
    clock = FakeClock()

    async def test(site: Site) -> None:
        async with site.open("/stays") as client:
            await client.send("1")
            assert await seen(site) == "reads"
        assert await seen(site) == "told"
        await clock.advance(9.9, _nothing)
        async with site.open("/watch") as client:
            await clock.advance(0.2, _nothing)
            assert await received(client) == '["cancelled"]'

    on_sockets(tmp_path, entries, code, test, clock=clock)


async def _nothing() -> None:
    pass


@BOTH
def test_a_drain_closes_with_1012_and_lets_the_handler_end(tmp_path: Path, loop: str) -> None:
    code = """
    import pathlib

    async def reads(socket):
        await socket.send("open")
        async for message in socket:
            pass
        await asyncio.sleep(0)
        pathlib.Path(__file__).with_name("reads").touch()

    async def waits(socket):
        await socket.send("open")
        try:
            await asyncio.sleep(3600)
        finally:
            pathlib.Path(__file__).with_name("waits").touch()

    async def says_goodbye(socket):
        await socket.send("open")
        await http.stopping()
        await socket.send("goodbye")
        await socket.close(4001)
    """
    entries = "".join(map(socket_entry, ("reads", "waits", "says_goodbye")))
    ends: list[Any] = []

    async def test(site: Site) -> None:
        clients = [
            await site.open(path).__aenter__() for path in ("/reads", "/waits", "/says_goodbye")
        ]
        for client in clients:
            assert await received(client) == "open"

        async def read(client: Any) -> None:
            messages = []
            with contextlib.suppress(ConnectionClosed):
                while True:
                    messages.append(await client.recv())
            ends.append((messages, client.close_code))

        ends.append([asyncio.ensure_future(read(client)) for client in clients])

    on_sockets(tmp_path, entries, code, test, loop=loop, then=lambda: asyncio.wait(ends[0]))
    assert sorted(ends[1:]) == [([], 1012), ([], 1012), (["goodbye"], 4001)]
    assert (tmp_path / "reads").exists()
    assert (tmp_path / "waits").exists()


@BOTH
def test_a_client_that_answers_no_ping_has_gone(tmp_path: Path, loop: str) -> None:
    code = f"""{SEEN}
    async def asks(socket):
        try:
            await socket.receive()
        except http.Disconnected as end:
            seen.put_nowait([end.code, end.reason])
    """
    entries = socket_entry("asks", ping="10ms") + socket_entry("watch")

    async def test(site: Site) -> None:
        async with site.raw("/asks") as socket:
            for _ in range(2):
                assert await socket.frame() == (PING, b"")
                socket.send(frame(PONG))
            assert await socket.frame() == (PING, b"")
            opcode, payload = await socket.frame()
            assert (opcode, payload[:2]) == (CLOSE, (1011).to_bytes(2))
            assert await seen(site) == [1006, "no answer to a ping"]

    on_sockets(tmp_path, entries, code, test, loop=loop)
