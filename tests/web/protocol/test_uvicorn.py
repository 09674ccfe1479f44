"""Undocumented parts of uvicorn that `runtime.engines.web.protocol` depends on, one by one."""

from __future__ import annotations

import asyncio
import inspect
import logging

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from runtime.engines.web.admission import Admission
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.protocol.connection import Connection
from runtime.engines.web.protocol.connections import Connections
from tests.support.serving import PATIENT, SOON, head, route, run, served

OURS = [
    "connection_made",
    "connection_lost",
    "data_received",
    "eof_received",
    "pause_writing",
    "resume_writing",
    "on_message_begin",
    "on_headers_complete",
    "on_body",
    "_start_asgi_task",
    "on_message_complete",
    "on_response_complete",
    "shutdown",
]


async def application(scope: object, receive: object, send: object) -> None: ...


def connections() -> Connections:
    return Connections(application, PATIENT, Admission(None, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OURS)
def test_each_method_we_replace_is_still_one_of_uvicorn_s(name: str) -> None:
    theirs, ours = getattr(HttpToolsProtocol, name), getattr(Connection, name)

    assert ours is not theirs
    assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters)


def test_no_method_of_our_own_hides_one_of_uvicorn_s() -> None:
    ours = {name for name in vars(Connection) if not name.startswith("__")}

    assert set(OURS) == ours & set(dir(HttpToolsProtocol))


def test_no_attribute_of_our_own_hides_one_of_uvicorn_s() -> None:
    async def main() -> set[str]:
        pool = connections()
        theirs = HttpToolsProtocol(pool._shared.config, pool._state, {})
        new = set(vars(pool.connect())) - set(vars(theirs))
        return {name for name in new if hasattr(theirs, name)}

    assert set() == run(main())


def test_a_protocol_has_the_attributes_we_read() -> None:
    async def main() -> set[str]:
        pool = connections()
        theirs = HttpToolsProtocol(pool._shared.config, pool._state, {})
        names = ["transport", "flow", "parser", "pipeline", "headers", "cycle", "loop"]
        return {name for name in [*names, "server_state"] if name not in vars(theirs)}

    assert set() == run(main())


def test_a_cycle_has_the_attributes_we_read_and_write() -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)

    for name in [
        "transport",
        "keep_alive",
        "more_body",
        "disconnected",
        "message_event",
        "waiting_for_100_continue",
        "body",
        "flow",
        "default_headers",
        "scope",
        "on_response",
        "response_started",
        "response_complete",
    ]:
        assert f"self.{name} = " in source


def test_a_cycle_asks_its_transport_for_nothing_but_what_ours_has() -> None:
    source = inspect.getsource(RequestResponseCycle)

    used = {part.split("(")[0] for part in source.split("self.transport.")[1:]}

    assert {"write", "close", "is_closing"} == used


def test_a_cycle_calls_back_on_its_completion_after_it_closed() -> None:
    source = inspect.getsource(RequestResponseCycle.send)

    assert source.index("self.transport.close()") < source.index("self.on_response()")


def test_an_event_tells_who_waits_for_it() -> None:
    async def main() -> list[bool]:
        event = asyncio.Event()
        before = bool(event._waiters)  # type: ignore[attr-defined]
        task = asyncio.ensure_future(event.wait())
        await asyncio.sleep(0)
        during = bool(event._waiters)  # type: ignore[attr-defined]
        event.set()
        await task
        return [before, during, bool(event._waiters)]  # type: ignore[attr-defined]

    assert run(main()) == [False, True, False]


def test_the_flow_control_pauses_and_resumes_reading() -> None:
    assert {"read_paused", "resume_reading", "pause_reading"} <= {
        *vars(flow_control.FlowControl),
        *("read_paused" for _ in [1] if "self.read_paused" in inspect.getsource(flow_control)),
    }


def test_the_shared_state_has_what_we_share() -> None:
    state = ServerState()

    assert (set(), set(), [], 0) == (
        state.connections,
        state.tasks,
        state.default_headers,
        state.total_requests,
    )
    assert httptools_impl.STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


def test_no_keep_alive_timer_of_uvicorn_s_is_ever_armed() -> None:
    async def hello(exchange: Exchange) -> str:
        return "hello"

    async def main() -> list[object]:
        pools: list[Connections] = []
        made = Connections.__init__

        def remember(self: Connections, *arguments: object) -> None:
            made(self, *arguments)  # type: ignore[arg-type]
            pools.append(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connections, "__init__", remember)
            async with served([route("GET", "/x", hello)]) as server:
                client = await server.connect()
                await client.get("/x")
                timers = [each.timeout_keep_alive_task for each in pools[0]._clients]
                await client.close()
                return timers

    assert run(main()) == [None]


def test_the_settings_keep_uvicorn_out_of_what_is_ours() -> None:
    async def main() -> uvicorn.Config:
        return connections()._shared.config

    config = run(main())

    assert config.loaded_app is application
    assert config.ws_protocol_class is None
    assert config.encoded_headers == []
    assert logging.getLogger("uvicorn.error").level == logging.WARNING
    assert not logging.getLogger("uvicorn.access").hasHandlers()


def test_a_parser_hands_on_what_follows_an_upgrade() -> None:
    class Nothing:
        pass

    parser = httptools.HttpRequestParser(Nothing())
    data = head("GET", "/", "Connection: Upgrade", "Upgrade: h2c")

    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        parser.feed_data(data + b"rest")

    assert len(data) == caught.value.args[0]


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
