"""Clients that send nonsense, much at once, or go away: no 5xx, no traceback, no false refusal."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.blackbox import APPS, FREE_PORT, Site, eventually, running, write_files
from tests.support.mutations import mutated, pieces
from tests.support.program import SOON

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


AT_ONCE = struct.pack("ii", 1, 0)
VISITS = 60
MANGLED = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
          - name: router
            kind: http.router
            meta: {server: gateway}
            middleware: [cors, compress]
          - {name: read.e, kind: http.endpoint, method: POST, path: /x, func: read}
          - {name: look.e, kind: http.endpoint, method: GET, path: /x, func: look}
          - {name: unread.e, kind: http.endpoint, method: POST, path: /unread, func: look}
          - {name: stream.e, kind: http.endpoint, method: GET, path: /stream, func: stream}
          - {name: read, kind: function.python, source: file://h.py, method: read}
          - {name: look, kind: function.python, source: file://h.py, method: look}
          - {name: stream, kind: function.python, source: file://h.py, method: stream}
    """.replace("kind: http.endpoint,", "kind: http.endpoint, meta: {router: router},"),
    "h.py": """
        import asyncio
        from starlette.responses import StreamingResponse

        def look():
            return {}

        async def read(request):
            return {"length": len(await request.body())}

        async def stream():
            async def parts():
                for _ in range(5):
                    yield b"x" * 1000
                    await asyncio.sleep(0.001)

            return StreamingResponse(parts())
    """,
}


def exchange(site: Site, data: bytes, *, reset: bool = False) -> bytes:
    """Send it and half close; what comes back until the end. With `reset`, go away at once."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=SOON) as client:
        try:
            client.sendall(data)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                return b""
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:
            return b""


def complaints(site: Site) -> list[str]:
    return [line["message"] for line in site.program.log if line["level"] in ("warning", "error")]


def test_clients_that_mangle_their_requests_and_leave_in_any_way_hold_up_nothing(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, MANGLED)

    def visit(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(VISITS):
            ending = chance.choice(["reset", "close", "half", "wait"])
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", site.port), timeout=5) as client,
            ):
                for piece in pieces(mutated(chance), chance):
                    client.sendall(piece)
                if ending == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                if ending == "half":
                    client.shutdown(socket.SHUT_WR)
                if ending in ("half", "wait"):
                    client.settimeout(5 if ending == "half" else 0.05)
                    while client.recv(65536):
                        pass

    with running(tmp_path, FREE_PORT) as site, ThreadPoolExecutor(8) as pool:
        assert [*pool.map(visit, range(8))] == [None] * 8
        assert site.ask("GET", "/x").status == 200
        files = f"/proc/{site.program.pid}/fd"
        eventually(lambda: len(os.listdir(files)) < 40)
        assert site.stop() == 0
        assert complaints(site) == []


def test_a_client_that_leaves_in_the_middle_of_its_requests_is_no_fault(tmp_path: Path) -> None:
    files = {
        "_index.yaml": (APPS / "hello" / "_index.yaml").read_text(),
        "hello.py": """
            import asyncio

            async def handler():
                await asyncio.sleep(0.05)
                return "late"
        """,
    }
    with running(write_files(tmp_path, files), FREE_PORT) as site:
        for last in (GET, b"GET /hello HTTP/1.0\r\n\r\n", GET[:20], b"\x00"):
            for reset in (True, False):
                exchange(site, GET * 3 + last, reset=reset)
        site.ask("GET", "/hello")

        assert site.stop() == 0
        assert complaints(site) == []


def test_many_requests_in_one_piece_are_all_answered() -> None:
    with running(APPS / "hello", FREE_PORT) as site:
        with socket.create_connection(("127.0.0.1", site.port), timeout=SOON) as client:
            client.sendall(GET * 3999 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = b"".join(iter(lambda: client.recv(65536), b""))

        assert answer.count(b"HTTP/1.1 200 OK") == 4000
        assert answer.count(b"HTTP/1.1 ") == 4000


def test_a_head_that_never_ends_is_refused_also_behind_others() -> None:
    endless = b"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000
    with running(APPS / "hello", FREE_PORT) as site:
        alone, behind = exchange(site, endless), exchange(site, GET * 3 + endless)

        assert alone.startswith(b"HTTP/1.1 431")
        assert behind.count(b"HTTP/1.1 200 OK") == 3
        assert behind.count(b"HTTP/1.1 431") == 1
