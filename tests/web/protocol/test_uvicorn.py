"""Undocumented parts of uvicorn that `runtime.engines.web.protocol` depends on, one by one."""

from __future__ import annotations

import asyncio
import inspect

import httptools
import pytest
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from runtime.engines.web.admission import Admission
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.protocol.connection import Connection
from runtime.engines.web.protocol.connections import Connections
from runtime.engines.web.protocol.cycle import Cycle
from runtime.engines.web.protocol.output import Output
from tests.support.serving import PATIENT, SOON, head, route, run, served


class Transport:
    """As much of a transport as a connection needs that nothing is sent on."""

    write = close = is_closing = None

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default


async def application(scope: object, receive: object, send: object) -> None: ...


async def connection() -> Connection:
    made = Connections(application, PATIENT, Admission(None, "")).connect()  # type: ignore[arg-type]
    made.connection_made(Transport())  # type: ignore[arg-type]
    return made


def cycle(client: Connection) -> Cycle:
    return Cycle({}, client._output, client, [], keep_alive=True, expects_continue=False)


def test_our_constructor_of_a_cycle_sets_what_uvicorn_s_does() -> None:
    async def main() -> tuple[set[str], set[str]]:
        client = await connection()
        theirs = RequestResponseCycle(
            scope={},  # type: ignore[typeddict-item]
            transport=client.transport,
            flow=client.flow,
            logger=None,  # type: ignore[arg-type]
            access_logger=None,  # type: ignore[arg-type]
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=client.on_response_complete,
        )
        return {*vars(theirs)}, {*vars(cycle(client))} - {*vars(theirs)}

    theirs, new = run(main())

    assert theirs
    assert new == {"awaits_disconnect", "_client"}


def test_the_methods_of_a_cycle_that_we_replace_are_uvicorn_s() -> None:
    replaced = {name for name in vars(Cycle) if hasattr(RequestResponseCycle, name)}

    assert {each for each in replaced if not each.startswith("__")} == {"receive"}
    assert list(inspect.signature(RequestResponseCycle.send).parameters) == ["self", "message"]


def test_a_cycle_asks_its_transport_for_nothing_but_what_ours_has() -> None:
    source = inspect.getsource(RequestResponseCycle)

    used = {part.split("(")[0] for part in source.split("self.transport.")[1:]}

    assert used == {each for each in Output.__slots__ if each in ("close", "is_closing", "write")}


def test_a_cycle_calls_back_on_its_completion_after_it_closed() -> None:
    source = inspect.getsource(RequestResponseCycle.send)

    assert source.index("self.transport.close()") < source.index("self.on_response()")


def test_a_cycle_frames_by_its_attributes() -> None:
    """`CarefulCycle` sets them so that neither chunks nor a length are sent."""
    source = inspect.getsource(RequestResponseCycle.send)

    assert "if self.chunked_encoding is None and" in source
    assert "if num_bytes > self.expected_content_length:" in source
    assert "if self.expected_content_length != 0:" in source


def test_the_flow_control_pauses_and_resumes_reading() -> None:
    async def main() -> set[str]:
        flow = (await connection()).flow
        return {name for name in dir(flow) if not name.startswith("_")}

    assert {
        "drain", "pause_reading", "pause_writing", "read_paused", "resume_reading",
        "resume_writing", "write_paused",
    } <= run(main())  # fmt: skip
    assert flow_control.HIGH_WATER_LIMIT == 65536
    assert httptools_impl.STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


def test_a_parser_reports_an_upgrade_at_the_end_of_the_head() -> None:
    class Nothing:
        pass

    parser = httptools.HttpRequestParser(Nothing())
    data = head("GET", "/", "Connection: Upgrade", "Upgrade: h2c")

    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        parser.feed_data(data + b"rest")

    assert len(data) == caught.value.args[0]


def test_a_parser_says_what_we_recognize_of_other_versions() -> None:
    class Nothing:
        pass

    for line, text in [
        (b"GET / HTTP/9.9\r\n", "Invalid HTTP version"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "Pause on PRI/Upgrade"),
    ]:
        with pytest.raises(httptools.HttpParserError, match=text):
            httptools.HttpRequestParser(Nothing()).feed_data(line)


def test_a_socket_is_not_closed_beside_a_loop_that_watches_it() -> None:
    """Under uvloop that would abort this process; a hundred turns would show it."""

    async def hello(exchange: Exchange) -> str:
        return "hello"

    async def main() -> int:
        answers = 0
        for _ in range(20):
            async with served([route("GET", "/x", hello)]) as server:
                answers += (await server.get("/x")).status == 200
                await asyncio.wait_for(server.stop(), SOON)
        return answers

    assert run(main(), "uvloop") == 20
