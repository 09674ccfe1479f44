"""A server has a largest number of clients, and the program keeps descriptors for itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import select
import socket
from pathlib import Path

import pytest

from runtime.engines.web.address import Address, bind, listen, tls_context
from runtime.engines.web.admission import Admission, Shortage, reserve
from runtime.engines.web.backlog import BacklogTakeover
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.files import Files
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from tests.support.serving import BOTH, PATIENT, SOON, Running, hello, route, run, served
from tests.support.serving import running as running_server

ROUTES = [route("GET", "/x", hello)]


@BOTH
def test_clients_beyond_the_limit_are_told_so_until_another_leaves(loop: str) -> None:
    async def main() -> list[int]:
        async with served(ROUTES, max_connections=2) as server:
            clients = [await server.connect() for _ in range(2)]
            statuses = [(await client.get("/x")).status for client in clients]
            extra = await server.connect()
            answer = await extra.get("/x")
            assert (answer["retry-after"], answer["connection"]) == ("1", "close")
            assert answer["content-type"] == "application/problem+json"
            assert await extra.ended() == b""
            await extra.close()
            statuses.append(answer.status)
            await clients.pop().close()
            async with asyncio.timeout(SOON):
                while (late := (await server.get("/x")).status) == 503:
                    pass
            statuses.append(late)
            await clients.pop().close()
            return statuses

    assert run(main(), loop) == [200, 200, 503, 200]


@BOTH
def test_clients_in_their_tls_handshake_count(loop: str, certificate: tuple[Path, Path]) -> None:
    async def main() -> bytes:
        tls = tls_context(*certificate)
        async with served(ROUTES, max_connections=2, tls=tls) as server:
            silent = [await server.connect() for _ in range(2)]
            extra = await server.connect()
            rest = await extra.ended()
            for client in (*silent, extra):
                await client.close()
            return rest

    assert run(main(), loop) == b""


@BOTH
def test_a_full_worker_leaves_the_clients_of_another_to_that(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll, polls, enough = BacklogTakeover.poll, [], asyncio.Event()

    def counted(self: BacklogTakeover) -> None:
        poll(self)
        polls.append(self)
        if len(polls) > 5:
            enough.set()

    monkeypatch.setattr(BacklogTakeover, "poll", counted)

    async def main() -> list[int]:
        own, other = bind(Address("127.0.0.1", 0)), listen(Address("127.0.0.1", 0))
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(Routes(ROUTES))
        service = Server(
            dispatcher,
            Address(*own.getsockname()),
            timeouts=PATIENT,
            max_connections=2,
            sockets=(own, other),
        )
        async with running_server(service) as server:
            admitted = [await server.connect() for _ in range(2)]
            for client in admitted:
                await client.get("/x")
            theirs = Running(other.getsockname()[1], server.stop_event, server.task)
            waiting = [await theirs.connect() for _ in range(3)]
            polls.clear()
            enough.clear()
            await asyncio.wait_for(enough.wait(), SOON)
            await admitted.pop().close()
            statuses = []
            for client in waiting:
                statuses.append((await client.get("/x", "Connection: close")).status)
                await client.close()
            await admitted.pop().close()
            return statuses

    assert run(main(), loop) == [200, 200, 200]


@BOTH
def test_many_clients_may_come_while_the_loop_is_busy(loop: str) -> None:
    """The loops' own backlog is 100; a client that finds it full waits a second for its SYN."""

    async def main() -> int:
        async with served(ROUTES) as server:
            poll = select.poll()
            with contextlib.ExitStack() as stack:
                for _ in range(300):  # the loop does not run meanwhile
                    client = stack.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex(("127.0.0.1", server.port))
                    poll.register(client, select.POLLOUT)
                return len(poll.poll(0))

    longest = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert run(main(), loop) == min(300, longest)


def test_a_client_is_turned_away_by_the_number_of_its_descriptor() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept = reserve(limit)
    admission = Admission(None, "")

    assert admission.refusal(0, limit - kept - 1) is None
    assert admission.refusal(0, limit - kept) is Shortage.DESCRIPTORS
    assert Admission(5, "").refusal(4, 100) is None
    assert Admission(5, "").refusal(5, 100) is Shortage.CONNECTIONS
    assert [reserve(40), reserve(1024), reserve(65536)] == [10, 128, 128]


def test_a_limit_that_the_descriptors_do_not_allow_is_told_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Admission(1_000_000, "app:gateway")

    assert "'max_connections' is 1000000, but of the" in caplog.text


def test_turned_away_clients_are_logged_once_and_then_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    admission = Admission(5, "app:gateway")
    admission.tick(0.0)
    for number in range(120):
        admission.count(Shortage.CONNECTIONS)
        admission.tick(float(number))

    reason = "away: it has 5 connections, as many as 'max_connections' allows"
    assert caplog.messages == [f"turned 1 client(s) {reason}", f"turned 60 client(s) {reason}"]
    assert {record.__dict__["entry"] for record in caplog.records} == {"app:gateway"}


def test_a_lack_of_descriptors_in_a_handler_is_503() -> None:
    async def opens(exchange: Exchange) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def main() -> tuple[int, str]:
        async with served([route("GET", "/x", opens)]) as server:
            answer = await server.get("/x")
            return answer.status, answer["retry-after"]

    assert run(main()) == (503, "1")


def test_a_file_that_cannot_be_opened_for_lack_of_descriptors_is_503_not_404(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("a file")

    def fail(*arguments: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def main() -> list[int]:
        async with served(Files(tmp_path).routes("/", "app:files")) as server:
            client = await server.connect()
            statuses = [(await client.get("/a.txt")).status]
            with monkeypatch.context() as patch:
                patch.setattr("runtime.engines.web.open_file.os.open", fail)
                statuses.append((await client.get("/a.txt")).status)
            statuses.append((await client.get("/b.txt")).status)
            await client.close()
            return statuses

    assert run(main()) == [200, 503, 404]
