"""Clients that send nonsense, much at once, or go away: no 5xx, no traceback, no false refusal."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from time import monotonic

from tests.support.blackbox import APPS, FREE_PORT, Site, running, write_files

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


def exchange(site: Site, data: bytes, *, reset: bool = False) -> bytes:
    """Send it and half close; what comes back until the end. With `reset`, go away at once."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
        try:
            client.sendall(data)
            if reset:
                linger = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return b""
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:
            return b""


def complaints(site: Site) -> list[str]:
    return [line["message"] for line in site.program.log if line["level"] in ("warning", "error")]


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
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
            client.sendall(GET * 3999 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = b"".join(iter(lambda: client.recv(65536), b""))

        assert answer.count(b"HTTP/1.1 200 OK") == 4000
        assert answer.count(b"HTTP/1.1 ") == 4000


def test_a_head_that_never_ends_is_refused_also_behind_others() -> None:
    endless = b"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000
    with running(APPS / "hello", FREE_PORT) as site:
        began = monotonic()
        alone, behind = exchange(site, endless), exchange(site, GET * 3 + endless)

        assert alone.startswith(b"HTTP/1.1 431")
        assert behind.count(b"HTTP/1.1 200 OK") == 3
        assert behind.count(b"HTTP/1.1 431") == 1
        assert monotonic() - began < 4
