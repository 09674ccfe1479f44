"""Whatever a client sends as JSON, it is answered with a problem and never with a 5xx."""

from __future__ import annotations

import asyncio
import gzip
import resource
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from tests.support.serving import GROUP, head, route, run, served

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "space": b" ",
    "nul": b"\x00",
    "bom": b'\xef\xbb\xbf{"a":1}',
    "utf16": '{"a":1}'.encode("utf-16"),
    "latin1": '"é"'.encode("latin-1"),
    "overlong": b'"\xc0\xaf"',
    "utf8 surrogate": b'"\xed\xa0\x80"',
    "cut utf8": b'"\xe2\x82"',
    "gzip": gzip.compress(b'{"a":1}'),
    "comma": b"[1,]",
    "double comma": b"[1,,2]",
    "leading comma": b"[,1]",
    "colon": b'{"a":}',
    "no colon": b'{"a" 1}',
    "unquoted key": b"{a:1}",
    "single quotes": b"{'a':1}",
    "number key": b"{1:1}",
    "trailing comma in object": b'{"a":1,}',
    "unclosed array": b"[1",
    "unclosed object": b'{"a":1',
    "unclosed string": b'"a',
    "mismatched": b"[1}",
    "two values": b"1 2",
    "trailing text": b"{}x",
    "trailing bracket": b"[]]",
    "comment": b"[1/*x*/]",
    "line comment": b"1 // x",
    "nan": b"NaN",
    "negative nan": b"[-NaN]",
    "infinity": b"[Infinity]",
    "negative infinity": b"[-Infinity]",
    "leading zero": b"[012]",
    "plus": b"[+1]",
    "bare point": b"[.5]",
    "trailing point": b"[1.]",
    "bare exponent": b"[1e]",
    "hex": b"[0x1]",
    "minus": b"[-]",
    "double minus": b"[--1]",
    "huge float": b"[1e400]",
    "fullwidth digit": "[\uff11]".encode(),
    "capital true": b"[True]",
    "cut true": b"[tru]",
    "control in string": b'"a\nb"',
    "tab in string": b'"a\tb"',
    "bad escape": rb'"\x"',
    "cut escape": b'"\\',
    "short unicode": rb'"\u12"',
    "lone surrogate": rb'"\ud800"',
    "lone low surrogate": rb'"\udc00"',
    "reversed surrogates": rb'"\udc00\ud800"',
    "deep array 101": b"[" * 101 + b"]" * 101,
    "deep array": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "open brackets": b"[" * 100_000,
    "open objects": b'{"a":' * 100_000,
    "urlencoded": b"a=1&b=2",
    "xml": b"<a/>",
}

# Odd, and JSON all the same: accepted or refused, but never an error of ours.
ODD: dict[str, bytes] = {
    "4301 digits": b"1" * 4301,
    "100000 digits": b"[" + b"9" * 100_000 + b"]",
    "many decimals": b"0." + b"1" * 100_000,
    "duplicate keys": b'{"a":1,"a":2}',
    "null": b"null",
    "escaped nul": rb'"\u0000"',
    "deep array 100": b"[" * 100 + b"]" * 100,
    "long string": b'"' + b"a" * 500_000 + b'"',
    "many members": b"{" + b",".join(b'"%d":1' % number for number in range(20_000)) + b"}",
}


async def reads(exchange: Exchange) -> Any:
    await exchange.request.json()
    return {"ok": True}


async def reads_in_a_thread(exchange: Exchange) -> Any:
    request = await exchange.read()
    await asyncio.to_thread(request.json)
    return {"ok": True}


async def catches(exchange: Exchange) -> Any:
    try:
        return {"got": await exchange.request.json()}
    except HTTPError as error:
        exchange.response.set_status(error.status)
        return {"error": error.message}


ROUTES = [
    route("POST", "/reads", reads),
    route("POST", "/thread", reads_in_a_thread),
    route("POST", "/catches", catches),
]


@pytest.mark.parametrize("path", ["/reads", "/thread"])
def test_every_malformed_document_is_a_400_problem(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> dict[str, tuple[int, str]]:
        got = {}
        async with served(ROUTES) as server:
            client = await server.connect()
            for name, body in MALFORMED.items():
                answer = await client.get(path, method="POST", body=body)
                got[name] = (answer.status, answer["content-type"])
            await client.close()
        return got

    got = run(main())

    wrong = {name: what for name, what in got.items() if what != (400, "application/problem+json")}
    assert wrong == {}
    assert caplog.records == []


def test_odd_documents_are_never_an_error_of_ours() -> None:
    async def main() -> dict[str, int]:
        async with served(ROUTES) as server:
            return {
                name: (await server.get("/reads", method="POST", body=body)).status
                for name, body in ODD.items()
            }

    got = run(main())

    assert {name: status for name, status in got.items() if status not in (200, 400)} == {}
    assert got["deep array 100"] == 200


def test_a_handler_may_catch_what_json_refuses() -> None:
    async def main() -> list[Any]:
        async with served(ROUTES) as server:
            answers = [
                await server.get("/catches", method="POST", body=b"{"),
                await server.get("/catches", method="POST"),
                await server.get("/catches", method="POST", body=b'{"a":1}'),
            ]
            return [(answer.status, sorted(answer.json())) for answer in answers]

    assert run(main()) == [(400, ["error"]), (400, ["error"]), (200, ["got"])]


def test_no_content_type_is_asked_for() -> None:
    async def main() -> int:
        async with served(ROUTES) as server:
            answer = await server.get(
                "/reads", "Content-Type: text/plain", method="POST", body=b"{}"
            )
            return answer.status

    assert run(main()) == 200


def test_a_hundred_mebibytes_in_chunks_stay_out_of_memory() -> None:
    chunk = b"100000\r\n" + b"a" * (1 << 20) + b"\r\n"

    async def main() -> int:
        async with served(ROUTES, max_body=1 << 20) as server:
            client = await server.connect()
            client.send(head("POST", "/reads", "Transfer-Encoding: chunked"))
            for _ in range(100):
                client.send(chunk)
                try:
                    await client.writer.drain()
                except ConnectionError:
                    break
            answer = await client.answer()
            await client.close()
            return answer.status

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = run(main())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert status == 413
    assert grown < 24 * 1024  # KiB; client and server share this process


def test_a_stream_has_the_same_limit() -> None:
    async def streams(exchange: Exchange) -> Any:
        size = 0
        async for part in exchange.request.stream():
            size += len(part)
        return {"size": size}

    async def main() -> list[int]:
        routes = [route("POST", "/s", streams, group=GROUP)]
        async with served(routes, max_body=100_000) as server:
            sizes = (100_000, 100_001)
            return [(await server.get("/s", method="POST", body=b"a" * n)).status for n in sizes]

    assert run(main()) == [200, 413]
