from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.files import Files
from tests.support.middleware import answers, group_of
from tests.support.serving import Answer, run, served

GZIP = "Accept-Encoding: gzip"


def test_compress_answers_in_gzip_only_what_is_large_and_asked_for() -> None:
    gz = "Accept-Encoding: gzip"
    got = answers(["compress"], {}, ("GET", "/long", gz), ("GET", "/x", gz), ("GET", "/long"))

    assert [answer.names.get("content-encoding") for answer in got] == ["gzip", None, None]
    assert gzip.decompress(got[0].body) == b"a" * 5000


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("br, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("*;q=0.1", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("", None),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("identity, gzip ; Q=0", None),
        ("*, gzip;q=0", None),
        ("*;q=0", None),
        ("gzip;q=0.4, identity;q=0.5", None),
        ("gzip;q=oops", None),
        ("gzip;q=7", None),
        ("notgzip", None),
        ("br", None),
        ("identity;q=0", None),
    ],
)
def test_compress_does_as_the_weights_of_its_client_say(
    accepted: str, encoding: str | None
) -> None:
    answer = answers(["compress"], {}, ("GET", "/long", f"Accept-Encoding: {accepted}"))[0]

    assert encoding == answer.names.get("content-encoding")
    assert answer["vary"] == "Accept-Encoding"
    assert (gzip.decompress(answer.body) if encoding else answer.body) == b"a" * 5000


def test_who_refuses_the_plain_form_gets_short_responses_compressed_too() -> None:
    answer = answers(["compress"], {}, ("GET", "/x", "Accept-Encoding: gzip, identity;q=0"))[0]

    assert answer["content-encoding"] == "gzip"
    assert b"client" in gzip.decompress(answer.body)


def returning(**headers: str) -> Any:
    async def handler(exchange: Exchange) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response("a" * 5000, headers=named, media_type="text/plain")

    return handler


def test_the_compressed_form_shares_no_strong_etag_with_the_plain_one() -> None:
    handler = returning(etag='"v1"', accept_ranges="bytes")

    packed, plain, weak = [
        answers(["compress"], {}, ("GET", "/long", *accepted), handler=handler)[0]
        for handler, accepted in [
            (handler, (GZIP,)),
            (handler, ()),
            (returning(etag='W/"v1"'), (GZIP,)),
        ]
    ]

    assert (packed["etag"], packed.names.get("accept-ranges")) == ('W/"v1"', None)
    assert (plain["etag"], plain.names.get("accept-ranges")) == ('"v1"', "bytes")
    assert weak["etag"] == 'W/"v1"'


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "image/png"},
        {"content_type": "video/mp4; a=b"},
        {"content_encoding": "br"},
        {"cache_control": "public, no-transform"},
    ],
)
def test_what_gains_nothing_or_must_not_change_is_left_alone(headers: dict[str, str]) -> None:
    got = answers(["compress"], {}, ("GET", "/long", GZIP), handler=returning(**headers))[0]

    assert got.body == b"a" * 5000
    assert "vary" not in got.names


def test_a_head_request_says_what_a_get_would_without_the_length() -> None:
    head = answers(["compress"], {}, ("HEAD", "/long", GZIP))[0]

    assert (head["content-encoding"], head["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-length" not in head.names


def test_each_part_of_a_stream_is_compressed_and_sent_at_once() -> None:
    seen: list[bytes] = []

    async def handler(exchange: Exchange) -> Response:
        async def parts() -> Any:
            for number in range(3):
                yield f"part {number}\n" * 100

        return StreamingResponse(parts(), media_type="text/plain")

    answer = answers(["compress"], {}, ("GET", "/long", GZIP), handler=handler)[0]
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    seen.append(decompressor.decompress(answer.body))

    assert (answer["content-encoding"], decompressor.eof) == ("gzip", True)
    assert seen[0].decode() == "".join(f"part {number}\n" * 100 for number in range(3))


def test_a_response_that_is_returned_again_is_not_packed_for_who_refuses_it() -> None:
    response = Response("a" * 5000, media_type="text/plain")

    async def handler(exchange: Exchange) -> Response:
        return response

    got = answers(
        ["compress"],
        {},
        *[("GET", "/long", each) for each in (GZIP, "X: y", GZIP)],
        handler=handler,
    )

    assert [each.names.get("content-encoding") for each in got] == ["gzip", None, "gzip"]
    assert len(got[0].headers) == len(got[2].headers) > len(got[1].headers)


def asked(folder: Path, *headers: str) -> Answer:
    async def main() -> Answer:
        group = group_of(["compress"], {})
        async with served(Files(folder).routes("/", "app:files"), groups=[group]) as server:
            return await server.get("/page.html", *headers)

    return run(main())  # type: ignore[no-any-return]


def test_a_download_that_began_compressed_is_not_resumed_with_plain_bytes(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"0123456789" * 1000)
    first = asked(tmp_path, GZIP)

    for validator in (first["etag"], first["last-modified"], None):
        extra = () if validator is None else (f"If-Range: {validator}",)
        again = asked(tmp_path, GZIP, "Range: bytes=10-", *extra)
        assert (again.status, again["content-encoding"]) == (200, "gzip")
    plain = asked(tmp_path, "Range: bytes=10-19")

    assert (plain.status, plain.body) == (206, b"0123456789")
    assert plain["vary"] == "Accept-Encoding"
    assert asked(tmp_path, GZIP, f"If-None-Match: {first['etag']}").status == 304
