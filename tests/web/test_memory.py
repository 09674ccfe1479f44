"""Fifty megabytes through each rule of HTTP's grammar, and the memory of the program meanwhile."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, Site, running, write_files

pytestmark = pytest.mark.slow

MEGABYTES = 50
MOST = 24
"""MiB that the program may grow by: far more than any limit, far less than what is sent."""

ENDPOINT = """
  - {{name: {name}.e, kind: http.endpoint, meta: {{router: router}}, method: {method}, path: /{func}, func: {func}}}
"""  # noqa: E501
MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: read, kind: function.python, source: file://h.py, method: read}
  - {name: form, kind: function.python, source: file://h.py, method: form}
  - {name: look, kind: function.python, source: file://h.py, method: look}
""" + "".join(
    ENDPOINT.format(name=name, method=method, func=func)
    for name, method, func in [
        ("read", "POST", "read"),
        ("form", "POST", "form"),
        ("look", "GET", "look"),
        ("unread", "POST", "look"),
    ]
)
HANDLERS = """
    async def read(request):
        return {"length": sum([len(piece) async for piece in request.stream()])}

    async def form(request):
        return {"fields": len(await request.form())}

    async def look(request):
        return {"seen": len(request.cookies) + len(request.query_params)}
"""

GET = b"GET /look HTTP/1.1\r\nHost: h\r\n"
POST = b"POST %b HTTP/1.1\r\nHost: h\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="a"'
OFFER = b"Connection: upgrade\r\nUpgrade: h2c\r\n"

RULES = {
    "blank lines": (b"", b"\r\n"),
    "the method": (b"", b"A"),
    "the path": (b"GET /", b"a/"),
    "a query parameter": (b"GET /look?a=", b"a"),
    "query parameters": (b"GET /look?", b"a=b&"),
    "the version": (b"GET /look HTTP/1.1", b"1"),
    "the name of a header": (GET, b"a"),
    "the value of a header": (GET + b"A: ", b"a"),
    "blanks in front of a value": (GET + b"A:", b" "),
    "headers": (GET, b"A: b\r\n"),
    "the shortest headers": (GET, b"a:\r\n"),
    "a cookie": (GET + b"Cookie: a=", b"a"),
    "cookies": (GET + b"Cookie: ", b"a=b; "),
    "headers of cookies": (GET, b"Cookie: a=b\r\n"),
    "requests ahead": (GET + b"\r\n", GET + b"\r\n"),
    "requests with bodies ahead": (GET + b"\r\n", POST % b"/look" + b"Content-Length: 1\r\n\r\na"),
    "requests with an upgrade ahead": (GET + b"\r\n", GET + OFFER + b"\r\n"),
    "a body that is streamed": (POST % b"/read" + b"Content-Length: 52000000\r\n\r\n", b"a"),
    "a body that nobody reads": (POST % b"/look" + b"Content-Length: 52000000\r\n\r\n", b"a"),
    "a body for nobody": (POST % b"/no" + b"Content-Length: 52000000\r\n\r\n", b"a"),
    "zeros of a chunk size": (POST % b"/read" + CHUNKED, b"0"),
    "the shortest chunks": (POST % b"/read" + CHUNKED, b"1\r\na\r\n"),
    "a chunk extension": (POST % b"/read" + CHUNKED + b"1;", b"a"),
    "chunk extensions": (POST % b"/read" + CHUNKED + b"1", b";a=b"),
    "chunks with extensions": (POST % b"/read" + CHUNKED, b"1;aaaaaaaaaaaaaaaaaaaa\r\na\r\n"),
    "the name of a trailer": (POST % b"/read" + CHUNKED + b"0\r\n", b"a"),
    "the value of a trailer": (POST % b"/read" + CHUNKED + b"0\r\nA: ", b"a"),
    "trailers": (POST % b"/read" + CHUNKED + b"0\r\n", b"a:\r\n"),
    "trailers of a body that nobody reads": (POST % b"/look" + CHUNKED + b"0\r\n", b"a:\r\n"),
    "trailers for nobody": (POST % b"/no" + CHUNKED + b"0\r\n", b"a:\r\n"),
    "trailers behind an upgrade": (POST % b"/read" + OFFER + CHUNKED + b"0\r\n", b"a:\r\n"),
}
FORMS = {
    "a form's field": (URLENCODED, b"a=", b"a"),
    "a form's name": (URLENCODED, b"", b"a"),
    "a form's fields": (URLENCODED, b"", b"a=b&"),
    "a form's separators": (URLENCODED, b"", b"&"),
    "a part's value": (MULTIPART, PART + b"\r\n\r\n", b"a"),
    "a part's file": (MULTIPART, PART + b'; filename="f"\r\n\r\n', b"a"),
    "a part's file name": (MULTIPART, PART + b'; filename="', b"f"),
    "a part's headers": (MULTIPART, PART + b"\r\n", b"A: b\r\n"),
    "a part's header": (MULTIPART, PART + b"\r\nA: ", b"a"),
    "parts": (MULTIPART, b"", PART + b"\r\n\r\n\r\n"),
    "parts with files": (MULTIPART, b"", PART + b'; filename="f"\r\n\r\na\r\n'),
    "a preamble": (MULTIPART, b"", b"a"),
    "the boundary": (b"multipart/form-data; boundary=" + b"b" * 60_000, b"--", b"b"),
}


def growth(site: Site, begin: bytes, piece: bytes) -> int:
    """MiB by which the program's memory grows at most while it is sent this.

    The piece is sent again and again, until the server refuses it or reads no more.
    """
    process = Path(f"/proc/{site.program.pid}")

    def memory(name: str) -> int:
        match = re.search(rf"{name}:\s+(\d+) kB", (process / "status").read_text())
        assert match is not None
        return int(match[1])

    with suppress(OSError):  # not in every sandbox
        (process / "clear_refs").write_text("5")  # forgets the most until now
    before = memory("VmRSS")
    with socket.create_connection(("127.0.0.1", site.port)) as client:
        client.settimeout(1)
        with suppress(OSError):
            client.sendall(begin)
            for _ in range(MEGABYTES * 1_000_000 // len(piece)):
                client.sendall(piece)
    return (memory("VmHWM") - before) // 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = {"_index.yaml": MANIFEST, "h.py": HANDLERS}
    with running(write_files(tmp_path_factory.mktemp("memory"), files), FREE_PORT) as started:
        yield started
        assert started.stop() == 0
        assert "Traceback" not in started.program.stderr


@pytest.mark.parametrize("rule", RULES)
def test_what_a_client_sends_is_not_kept(rule: str, site: Site) -> None:
    begin, endless = RULES[rule]

    assert growth(site, begin, endless * (100_000 // len(endless))) < MOST
    assert site.ask("GET", "/look").status == 200


@pytest.mark.parametrize("rule", FORMS)
def test_of_a_form_no_more_is_kept_than_its_limits(rule: str, site: Site) -> None:
    kind, begin, endless = FORMS[rule]

    def chunk(data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if data else b""

    head = POST % b"/form" + b"Content-Type: " + kind + b"\r\n" + CHUNKED
    piece = chunk(endless * (100_000 // len(endless)))

    assert growth(site, head + chunk(begin), piece) < MOST
    assert site.ask("GET", "/look").status == 200
