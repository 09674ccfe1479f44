"""Frames as clients write them, right and wrong, in pieces and without end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from runtime.engines.web.protocol.deadlines import Deadlines
from runtime.engines.web.protocol.flow import HIGH_WATER, Flow
from runtime.engines.web.protocol.output import Output
from runtime.engines.web.websocket.frames import Frames
from tests.support.serving import BOTH, SOON, head, run
from tests.support.sockets import (
    BINARY,
    CLOSE,
    ECHO,
    HANDSHAKE,
    MORE,
    PING,
    PONG,
    TEXT,
    Site,
    frame,
    on_sockets,
    socket_entry,
)

WRONG = {
    "unmasked": (frame(TEXT, b"a", masked=False), 1002),
    "a reserved bit": (frame(TEXT, b"a", bits=0x40), 1002),
    "an unknown opcode": (frame(0x3, b"a"), 1002),
    "an unknown control frame": (frame(0xB), 1002),
    "a fragmented ping": (frame(PING, fin=False), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(MORE, b"a"), 1002),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a close with a code of nobody": (frame(CLOSE, (1005).to_bytes(2)), 1002),
    "a text that is not UTF-8": (frame(TEXT, b"\xff"), 1007),
    "such a text in two": (frame(TEXT, b"\xc3", fin=False) + frame(MORE, b"("), 1007),
    "a long message": (frame(BINARY, b"x" * 129), 1009),
    "a long one in parts": (frame(BINARY, b"x" * 60, fin=False) + frame(MORE, b"x" * 69), 1009),
    "a length of 63 bits": (bytes([0x82, 0xFF]) + b"\x7f" + b"\xff" * 7, 1009),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_frame_closes_the_connection(tmp_path: Path, fault: str) -> None:
    wrong, code = WRONG[fault]

    async def test(site: Site) -> None:
        async with site.raw("/echo") as socket:
            socket.send(frame(TEXT, b"before"))
            assert await socket.frame() == (TEXT, b"before")
            socket.send(wrong, frame(TEXT, b"after"))
            opcode, payload = await socket.frame()
            assert (opcode, int.from_bytes(payload[:2])) == (CLOSE, code)
            assert await socket.client.ended() == b""

    on_sockets(tmp_path, socket_entry("echo", max_message="128B"), ECHO, test)


@BOTH
def test_messages_arrive_in_whatever_pieces_they_come(tmp_path: Path, loop: str) -> None:
    sent = (
        frame(TEXT, "é".encode()[:1], fin=False)
        + frame(PING, b"now")
        + frame(MORE, b"", fin=False)
        + frame(PONG, b"unasked")
        + frame(MORE, "é".encode()[1:])
        + frame(BINARY, b"")
        + frame(TEXT, b"", fin=False)
        + frame(MORE, b"x" * 300)
    )
    answers = [(PONG, b"now"), (TEXT, "é".encode()), (BINARY, b""), (TEXT, b"x" * 300)]

    async def test(site: Site) -> None:
        async with site.raw("/echo") as socket:
            socket.send(sent)
            assert [await socket.frame() for _ in answers] == answers
            for each in sent:
                socket.send(bytes([each]))
                await socket.client.writer.drain()
            assert [await socket.frame() for _ in answers] == answers

    on_sockets(tmp_path, socket_entry("echo"), ECHO, test, loop=loop)


@BOTH
def test_a_close_is_answered_by_its_own_code_and_ends_the_connection(
    tmp_path: Path, loop: str
) -> None:
    async def test(site: Site) -> None:
        for payload in (b"", (1000).to_bytes(2), (4000).to_bytes(2) + b"because"):
            async with site.raw("/echo") as socket:
                socket.send(frame(TEXT, b"1"), frame(CLOSE, payload), frame(TEXT, b"2"))
                answers = [await socket.frame()]
                if answers == [(TEXT, b"1")]:  # the handler may have been faster
                    answers = [await socket.frame()]
                assert answers == [(CLOSE, payload)]
                assert await socket.client.ended() == b""

    on_sockets(tmp_path, socket_entry("echo"), ECHO, test, loop=loop)


@BOTH
def test_frames_that_come_with_the_handshake_are_not_lost(tmp_path: Path, loop: str) -> None:
    async def test(site: Site) -> None:
        client = await site.connect()
        client.send(head("GET", "/echo", *HANDSHAKE) + frame(TEXT, b"early"))
        assert (await client.answer()).status == 101
        assert await client.reader.readexactly(7) == b"\x81\x05early"
        await client.close()

    on_sockets(tmp_path, socket_entry("echo"), ECHO, test, loop=loop)


class Wired:
    """Frames on a transport that only counts."""

    def __init__(self, **limits: Any) -> None:
        self.transport = Mock(spec=asyncio.Transport)
        self.transport.get_write_buffer_size.return_value = 0
        self.deadlines = Deadlines(asyncio.get_running_loop().time)
        flow = self.flow = Flow(self.transport)
        output = Output(self.transport, self.deadlines, 30.0, Mock())
        self.frames = Frames(**{"max_message": 1 << 16, "backlog": 32, "ping": 20.0, **limits})
        self.frames.take_over(self.transport, flow, output, self.deadlines, Mock(), b"")


def test_a_flood_of_tiny_messages_waits_as_the_bytes_that_it_came_in() -> None:
    async def main() -> None:
        wired = Wired()
        wired.frames.data_received(frame(TEXT) * 40_000)
        assert wired.flow.read_paused
        assert len(wired.frames._messages) < 32 + 4096 // 6 + 1
        for _ in range(40_000):
            assert await wired.frames.receive() == ""
        assert not wired.flow.read_paused
        assert wired.frames._unparsed == b""

    run(main())


def test_long_messages_wait_by_their_bytes() -> None:
    async def main() -> None:
        wired = Wired(max_message=1 << 20, backlog=10_000)
        for _ in range(100):
            wired.frames.data_received(frame(BINARY, b"x" * 60_000))
        assert wired.flow.read_paused
        assert wired.frames._waiting <= HIGH_WATER + 60_000

    run(main())


def test_fragments_without_end_are_counted_as_one_message_and_empty_ones_cost_nothing() -> None:
    async def main() -> None:
        wired = Wired(max_message=1000)
        wired.frames.data_received(frame(TEXT, b"a", fin=False))
        for _ in range(100):
            wired.frames.data_received(frame(MORE, b"", fin=False) * 1000)
        assert len(wired.frames._part) == 1
        assert wired.frames.end is None
        wired.frames.data_received(frame(MORE, b"x" * 500, fin=False) * 2)
        assert wired.frames.end is not None
        assert wired.frames.end.code == 1009

    run(main())


def test_pings_of_a_client_that_reads_no_answers_are_not_read_either() -> None:
    async def main() -> None:
        wired = Wired()
        wired.frames.pause_writing()
        wired.frames.data_received(frame(PING, b"x" * 100) * 1000)
        assert wired.flow.read_paused
        assert wired.transport.write.call_count == 0
        wired.frames.resume_writing()
        assert wired.transport.write.call_count == 1000
        assert not wired.flow.read_paused

    run(main())


def test_what_comes_after_our_close_is_discarded_until_the_clients_own() -> None:
    async def main() -> None:
        wired = Wired(backlog=1)
        wired.frames.close(4000, "é" * 100)
        wired.frames.data_received(frame(TEXT, b"late") * 10_000)
        assert not wired.flow.read_paused
        assert not wired.frames.over.is_set()
        assert await wired.frames.receive() is None
        wired.frames.data_received(frame(CLOSE, (4000).to_bytes(2)))
        await asyncio.wait_for(wired.frames.over.wait(), SOON)
        (sent,) = wired.transport.write.call_args_list
        assert sent.args[0][4:].decode() == "é" * 61

    run(main())


def test_a_code_that_may_not_be_sent_is_a_mistake_of_the_handler() -> None:
    async def main() -> None:
        wired = Wired()
        for code in (0, 999, 1005, 1006, 1015, 2999, 5000, 70_000):
            with pytest.raises(ValueError, match="no code to close with"):
                wired.frames.close(code, "")
        assert wired.frames.end is None
        wired.frames.close(4999, "")
        wired.frames.close(4000, "again")
        assert wired.transport.write.call_count == 1

    run(main())
