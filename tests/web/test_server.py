from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.web.address import Address, listen, tls_context
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from runtime.engines.web.timeouts import Timeouts
from runtime.service import StartError
from tests.support.serving import (
    PATIENT,
    SOON,
    Answer,
    Client,
    Running,
    head,
    route,
    run,
    running,
    served,
)

BOTH = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
QUICK = Timeouts(header=0.3, read=0.3, write=0.3, idle=0.3)


async def hello(exchange: Exchange) -> str:
    return "hello"


async def echo(exchange: Exchange) -> bytes:
    return await exchange.request.body()


async def big(exchange: Exchange) -> bytes:
    return bytes(32 << 20)


ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo), route("GET", "/big", big)]


class Gate:
    """A handler that waits until the test lets it go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> str:
        self.entered.set()
        await self.go.wait()
        return "late"


# Addresses.


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        (":8080", "", 8080, "http://localhost:8080"),
        ("0.0.0.0:80", "0.0.0.0", 80, "http://localhost:80"),
        ("127.0.0.1:0", "127.0.0.1", 0, "http://127.0.0.1:0"),
        ("[::1]:8080", "::1", 8080, "http://[::1]:8080"),
        ("[::]:8080", "::", 8080, "http://localhost:8080"),
    ],
)
def test_an_address_is_read_and_shown(text: str, host: str, port: int, url: str) -> None:
    address = Address.parse(text)

    assert (host, port, url) == (address.host, address.port, address.url("http"))


@pytest.mark.parametrize("text", ["8080", "localhost", ":99999", "::1:80", "a:b", ""])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address; write"):
        Address.parse(text)


def test_a_taken_port_is_one_clear_sentence() -> None:
    with listen(Address("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        server = Server(Dispatcher(max_body=1), address, timeouts=PATIENT)

        with pytest.raises(StartError, match=f"address '{address}' is in use; stop what"):
            run(server.run(lambda where="": None, asyncio.Event()))


@pytest.mark.parametrize(
    ("host", "reason"),
    [("nowhere.invalid", "not known here"), ("192.0.2.1", "not of this machine")],
)
def test_an_address_of_another_machine_is_one_clear_sentence(host: str, reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        listen(Address(host, 8080))


def test_every_interface_means_both_families() -> None:
    with listen(Address("", 0)) as opened:
        if opened.family != socket.AF_INET6:
            pytest.skip("no IPv6 here")
        port = opened.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=SOON).close()


@BOTH
def test_a_small_answer_is_not_held_back(loop: str) -> None:
    """An answer is two writes; without TCP_NODELAY the second waits 40 ms for the client's ACK."""

    async def main() -> list[int]:
        asked: list[int] = []

        async def ask(exchange: Exchange) -> str:
            asked.append(1)
            return "hello"

        async with served([route("GET", "/x", ask)]) as server:
            client = await server.connect()
            began = time.monotonic()
            for _ in range(20):
                await client.get("/x")
            asked.append(time.monotonic() - began < 0.4)
            await client.close()
        return asked

    assert run(main(), loop) == [1] * 20 + [True]


# The life of a server.


@BOTH
def test_an_idle_server_stops_at_once_and_closes_its_clients(loop: str) -> None:
    async def main() -> tuple[float, bytes]:
        async with served(ROUTES) as server:
            client = await server.connect()
            await client.get("/x")
            fresh = await server.connect()
            began = time.monotonic()
            await server.stop()
            took = time.monotonic() - began
            rest = await client.ended() + await fresh.ended()
            await client.close()
            await fresh.close()
            with pytest.raises(ConnectionError):
                await server.connect()
            return took, rest

    took, rest = run(main(), loop)

    assert rest == b""
    assert took < 0.2


@BOTH
def test_requests_in_flight_are_answered_while_new_clients_are_refused(loop: str) -> None:
    async def main() -> Any:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            server.stop_event.set()
            await until_refused(server)
            assert not server.task.done()
            gate.go.set()
            answer = await client.answer()
            await client.ended()
            await asyncio.wait_for(server.task, SOON)
            await client.close()
            return answer

    answer = run(main(), loop)

    assert (answer.status, answer.body, answer["connection"]) == (200, b"late", "close")


async def until_refused(server: Running) -> None:
    async with asyncio.timeout(SOON):
        while True:
            try:
                extra = await server.connect()
            except ConnectionError:
                return
            await extra.close()


@BOTH
def test_a_handler_whose_client_has_gone_is_waited_for(loop: str) -> None:
    async def main() -> bool:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            await client.close()
            server.stop_event.set()
            await until_refused(server)
            waited = not server.task.done()
            gate.go.set()
            await asyncio.wait_for(server.task, SOON)
            return waited

    assert run(main(), loop)


@BOTH
def test_a_cancelled_server_cuts_every_client_off(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[bytes, bool]:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(gate.entered.wait(), SOON)
            server.stop_event.set()
            await until_refused(server)
            server.task.cancel()
            await asyncio.wait([server.task], timeout=0.5)
            rest = await client.ended()
            await client.close()
            return rest, server.task.cancelled()

    assert run(main(), loop) == (b"", True)
    assert caplog.records == []


@BOTH
def test_a_handler_that_swallows_its_cancellation_does_not_hold_the_server(loop: str) -> None:
    async def main() -> bool:
        go, entered = asyncio.Event(), asyncio.Event()

        async def stubborn(exchange: Exchange) -> None:
            entered.set()
            while not go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()

        async with served([route("GET", "/slow", stubborn)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow"))
            await asyncio.wait_for(entered.wait(), SOON)
            server.task.cancel()
            await asyncio.wait([server.task], timeout=0.5)
            go.set()
            await client.close()
            return server.task.done()

    assert run(main(), loop)


@BOTH
def test_a_server_runs_again_on_the_same_port(loop: str) -> None:
    async def main() -> list[int]:
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(Routes(ROUTES))
        with listen(Address("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = Server(dispatcher, Address("127.0.0.1", port), timeouts=PATIENT)
        statuses = []
        for _ in range(3):
            async with running(server) as serving:
                client = await serving.connect()
                statuses.append((await client.get("/x")).status)
                await serving.stop()
                await client.close()
        return statuses

    assert run(main(), loop) == [200, 200, 200]


def test_a_server_told_to_stop_before_it_began_stops() -> None:
    async def main() -> list[str]:
        stop, seen = asyncio.Event(), list[str]()
        stop.set()
        server = Server(Dispatcher(max_body=1), Address("127.0.0.1", 0), timeouts=PATIENT)
        await asyncio.wait_for(server.run(lambda where="": seen.append(where), stop), SOON)
        return seen

    assert len(run(main())) == 1


# HTTP/1.1.


@BOTH
def test_bodies_arrive_whole_however_they_are_sent(loop: str) -> None:
    async def main() -> list[Any]:
        async with served(ROUTES) as server:
            client = await server.connect()
            plain = await client.get("/x", method="POST", body=b"abc")
            client.send(head("POST", "/x", "Transfer-Encoding: chunked"))
            for byte in b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n":
                client.send(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            chunked = await client.answer()
            client.send(head("POST", "/x", "Content-Length: 3", "Expect: 100-continue"))
            async with asyncio.timeout(SOON):
                interim = await client.reader.readuntil(b"\r\n\r\n")
            client.send(b"abc")
            expected = await client.answer()
            await client.close()
            return [plain.body, chunked.body, interim[:12], expected.body]

    assert run(main(), loop) == [b"abc", b"abc", b"HTTP/1.1 100", b"abc"]


@BOTH
def test_pipelined_requests_are_answered_in_their_order(loop: str) -> None:
    async def main() -> list[bytes]:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"".join(head("POST", "/x", body=b"%d" % n) + b"%d" % n for n in range(5)))
            got = [(await client.answer()).body for _ in range(5)]
            await client.close()
            return got

    assert run(main(), loop) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_bad_request_behind_good_ones_leaves_their_answers_alone() -> None:
    async def main() -> list[int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate)]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") + b"NONSENSE\r\n\r\n")
            await asyncio.wait_for(gate.entered.wait(), SOON)
            gate.go.set()
            statuses = [(await client.answer()).status, (await client.answer()).status]
            await client.ended()
            await client.close()
            return statuses

    assert run(main()) == [200, 400]


def test_a_request_of_http_1_0_needs_no_host() -> None:
    async def main() -> Answer:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(b"GET /x HTTP/1.0\r\n\r\n")
            answer = await client.answer()
            await client.close()
            return answer

    assert run(main()).status == 200


@BOTH
@pytest.mark.parametrize("behind", [b"", head("GET", "/x"), b"GET /x HT", b"NONSENSE\r\n\r\n"])
def test_a_client_that_only_stopped_sending_gets_its_answers(loop: str, behind: bytes) -> None:
    async def main() -> tuple[bytes, int]:
        gate = Gate()
        async with served([route("GET", "/slow", gate), *ROUTES]) as server:
            client = await server.connect()
            client.send(head("GET", "/slow") + behind)
            await asyncio.wait_for(gate.entered.wait(), SOON)
            client.writer.write_eof()
            # Its end has been seen once a later client has been served.
            await server.get("/x")
            gate.go.set()
            answer = await client.answer()
            rest = await client.ended()
            await client.close()
            return answer.body, rest.count(b"HTTP/1.1 ")

    answered = {b"": 0, head("GET", "/x"): 1, b"GET /x HT": 0, b"NONSENSE\r\n\r\n": 1}

    assert run(main(), loop) == (b"late", answered[behind])


@BOTH
def test_a_client_that_stopped_in_the_middle_of_its_request_is_closed(loop: str) -> None:
    async def main() -> list[bytes]:
        ends = []
        async with served(ROUTES) as server:
            for part in (b"", b"GET /x HT", head("POST", "/x", "Content-Length: 9") + b"abc"):
                client = await server.connect()
                client.send(part)
                client.writer.write_eof()
                ends.append(await client.ended())
                await client.close()
        return ends

    assert run(main(), loop) == [b"", b"", b""]


@BOTH
def test_a_client_that_was_refused_and_stops_sending_is_closed(loop: str) -> None:
    async def main() -> int:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(head("POST", "/x", "Transfer-Encoding: chunked") + b"zz\r\n")
            answer = await client.answer()
            client.writer.write_eof()
            await client.ended()
            await asyncio.wait_for(server.stop(), SOON)
            await client.close()
            return answer.status

    assert run(main(), loop) == 400


@BOTH
def test_a_handler_that_asks_is_told_that_its_client_has_gone(loop: str) -> None:
    async def main() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = asyncio.Event()

        async def watch(exchange: Exchange) -> None:
            await exchange.receive()
            waiting.set()
            told.set_result((await exchange.receive())["type"])

        async with served([route("GET", "/watch", watch)]) as server:
            client = await server.connect()
            client.send(head("GET", "/watch"))
            await asyncio.wait_for(waiting.wait(), SOON)
            await client.close()
            return await asyncio.wait_for(told, SOON)

    assert run(main(), loop) == "http.disconnect"


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_an_offer_of_http2_is_passed_over_and_the_body_kept(body: bytes) -> None:
    async def main() -> list[Any]:
        async with served(ROUTES) as server:
            client = await server.connect()
            method = "POST" if body else "GET"
            offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM")
            answer = await client.get("/x", *offer, method=method, body=body)
            await client.close()
            return [answer.status, answer.body]

    assert [200, body or b"hello"] == run(main())


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n",
        head("POST", "/", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_refused_and_closed(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        async with served(ROUTES) as server:
            client = await server.connect()
            client.send(request_)
            answer = await client.answer()
            await client.ended()
            await client.close()
            return answer

    answer = run(main())

    assert (
        answer.status,
        answer["content-type"],
        answer["connection"],
    ) == (400, "application/problem+json", "close")
    assert caplog.records == []


@pytest.mark.parametrize("whole", [True, False])
def test_headers_have_a_largest_size(whole: bool) -> None:
    async def main() -> list[int]:
        async with served(ROUTES) as server:
            client = await server.connect()
            fits = await client.get("/x", "A: " + "a" * 60_000)
            client.send(head("GET", "/x", "A: " + "a" * 70_000)[: None if whole else -4])
            refused = await client.answer()
            await client.close()
            return [fits.status, refused.status]

    assert run(main()) == [200, 431]


def test_a_large_body_in_the_chunk_of_the_headers_is_no_large_header() -> None:
    body = b"a" * 200_000

    async def main() -> bytes:
        async with served(ROUTES) as server:
            return (await server.get("/x", method="POST", body=body)).body

    assert body == run(main())


# Bodies that are too large.


@BOTH
@pytest.mark.parametrize("ending", [(), ("Connection: close",)])
def test_a_body_beyond_the_limit_is_refused_in_a_way_its_sender_can_see(
    loop: str, ending: tuple[str, ...]
) -> None:
    async def main() -> list[int]:
        async with served(ROUTES, max_body=1000) as server:
            client = await server.connect()
            announced = await client.get("/x", *ending, method="POST", body=b"a" * 5_000_000)
            await client.close()
            client = await server.connect()
            client.send(head("POST", "/x", "Transfer-Encoding: chunked", *ending))
            for _ in range(50):
                client.send(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            client.send(b"0\r\n\r\n")
            chunked = await client.answer()
            await client.close()
            return [announced.status, chunked.status]

    assert run(main(), loop) == [413, 413]


def test_a_body_that_is_too_large_is_refused_before_it_is_asked_for() -> None:
    async def main() -> int:
        async with served(ROUTES, max_body=10) as server:
            client = await server.connect()
            client.send(head("POST", "/x", "Content-Length: 11", "Expect: 100-continue"))
            answer = await client.answer()
            await client.close()
            return answer.status

    assert run(main()) == 413


def test_a_connection_goes_on_after_a_body_that_nobody_read() -> None:
    async def main() -> list[int]:
        async with served(ROUTES, max_body=10) as server:
            client = await server.connect()
            first = await client.get("/x", method="POST", body=b"a" * 500_000)
            second = await client.get("/x")
            await client.close()
            return [first.status, second.status]

    assert run(main()) == [413, 200]


# Slow clients.


async def half_head(client: Client) -> bytes:
    client.send(b"GET /x HTTP/1.1\r\nHost: a\r\nX-A: ")
    return await client.ended()


async def half_body(client: Client) -> bytes:
    client.send(head("POST", "/x", "Content-Length: 10") + b"abc")
    return await client.ended()


async def silence(client: Client) -> bytes:
    return await client.ended()


async def idleness(client: Client) -> bytes:
    await client.get("/x")
    return await client.ended()


@BOTH
@pytest.mark.parametrize(
    ("behave", "said"),
    [(half_head, b"HTTP/1.1 408 "), (half_body, b"HTTP/1.1 408 "), (silence, b""), (idleness, b"")],
)
def test_a_slow_client_is_told_so_and_closed(loop: str, behave: Any, said: bytes) -> None:
    async def main() -> tuple[bytes, float]:
        async with served(ROUTES, timeouts=QUICK) as server:
            client = await server.connect()
            began = time.monotonic()
            got = await behave(client)
            took = time.monotonic() - began
            await client.close()
            return got, took

    got, took = run(main(), loop)

    assert got.startswith(said)
    assert (said == b"") == (got == b"")
    assert 0.29 <= took < 5  # clocks differ by a tick


def test_a_head_sent_byte_by_byte_has_no_more_time_than_another() -> None:
    async def main() -> float:
        async with served(ROUTES, timeouts=QUICK) as server:
            client = await server.connect()
            began = time.monotonic()

            async def drip() -> None:
                client.send(b"GET /x HTTP/1.1\r\nX: ")
                with contextlib.suppress(ConnectionError):
                    while True:
                        client.send(b"a")
                        await client.writer.drain()
                        await asyncio.sleep(0.02)

            dripping = asyncio.ensure_future(drip())
            answer = await client.answer()
            took = time.monotonic() - began
            dripping.cancel()
            await asyncio.wait([dripping])
            await client.close()
            assert answer.status == 408
            return took

    assert run(main()) < 1.5


@BOTH
def test_a_client_that_does_not_take_its_answer_is_cut_off(loop: str) -> None:
    async def main() -> tuple[int, float]:
        async with served(ROUTES, timeouts=QUICK) as server:
            # A raw socket with little room, since a stream would read ahead.
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                here = asyncio.get_running_loop()
                await here.sock_connect(client, ("127.0.0.1", server.port))
                await here.sock_sendall(client, head("GET", "/big"))
                began, got = time.monotonic(), 0
                with contextlib.suppress(ConnectionError):
                    while time.monotonic() - began < 1.2:
                        got += len(await here.sock_recv(client, 1))
                        await asyncio.sleep(0.05)
                    while data := await asyncio.wait_for(here.sock_recv(client, 1 << 20), SOON):
                        got += len(data)
                return got, time.monotonic() - began

    got, took = run(main(), loop)

    assert got < 32 << 20
    assert took < 3


def test_a_client_that_takes_its_answer_slowly_but_steadily_gets_it_all() -> None:
    async def main() -> tuple[int, float]:
        limits = Timeouts(header=0.3, read=0.3, write=0.4, idle=0.3)
        async with served(ROUTES, timeouts=limits) as server:
            client = await server.connect(limit=1 << 16)
            began, got = time.monotonic(), 0
            client.send(head("GET", "/big"))
            async with asyncio.timeout(15):
                await client.reader.readuntil(b"\r\n\r\n")
                while got < 32 << 20:
                    got += len(await client.reader.read(1 << 20))
                    await asyncio.sleep(0.01)
            await client.close()
            return got, time.monotonic() - began

    got, took = run(main())

    assert got == 32 << 20
    assert took > 1.0


def test_others_are_served_while_hundreds_of_slow_clients_hold_on() -> None:
    async def main() -> int:
        limits = Timeouts(header=1.0, read=1.0, write=1.0, idle=1.0)
        async with served(ROUTES, timeouts=limits) as server:
            clients = [await server.connect() for _ in range(300)]
            for number, client in enumerate(clients):
                client.send(
                    [
                        b"GET /x HTT",
                        head("POST", "/x", "Content-Length: 9") + b"a",
                        head("GET", "/big"),
                    ][number % 3 if number < 30 else number % 2]
                )
            for _ in range(50):
                assert (await server.get("/x")).status == 200
            closed = await asyncio.gather(
                *(client.ended() for number, client in enumerate(clients) if number >= 30)
            )
            await asyncio.gather(*(client.close() for client in clients))
            return len(closed)

    assert run(main(), "uvloop") == 270


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = f"openssl {request} {names} -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return cert, key


@BOTH
def test_a_server_with_a_certificate_speaks_tls(loop: str, certificate: tuple[Path, Path]) -> None:
    async def main() -> tuple[int, str]:
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(Routes(ROUTES))
        server = Server(
            dispatcher, Address("127.0.0.1", 0), timeouts=PATIENT, tls=tls_context(*certificate)
        )
        trust = ssl.create_default_context(cafile=str(certificate[0]))
        async with running(server) as serving:
            client = await serving.connect(ssl=trust, server_hostname="localhost")
            answer = await client.get("/x", "Connection: close")
            await client.ended()
            await client.close()
            await serving.stop()
            return answer.status, answer["content-length"]

    assert run(main(), loop) == (200, "5")


def test_tls_files_that_cannot_be_used_are_one_clear_sentence(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")

    for pair, reason in [
        ((tmp_path / "no.pem", key), "is not there"),
        ((cert, tmp_path / "no.pem"), "is not there"),
        ((junk, key), "are no certificate and key"),
        ((cert, junk), "are no certificate and key"),
        ((cert, None), "are no certificate and key"),
    ]:
        with pytest.raises(StartError, match=reason):
            tls_context(*pair)


def test_a_server_leaves_no_descriptor_open() -> None:
    async def main() -> None:
        async with served(ROUTES) as server:
            await server.get("/x")
            await server.stop()
        await asyncio.sleep(0)

    run(main())
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(3):
        run(main())

    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)
