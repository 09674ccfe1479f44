from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import UploadFile

from runtime.engines.web.exchange import Exchange
from tests.support.remains import descriptors
from tests.support.serving import Answer, head, route, run, served

URLENCODED = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data; boundary=b"


async def summary(exchange: Exchange) -> Any:
    return await described(await exchange.request.form())


async def described(form: Any) -> Any:
    values = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            value = [value.filename, value.content_type, (await value.read()).decode()]
        values.append([name, value])
    return values


async def blocking_summary(exchange: Exchange) -> Any:
    """As a plain `def` reads a form: in a thread, and without `await`."""
    request = await exchange.read()

    def handler() -> Any:
        values = []
        for name, value in request.form().multi_items():
            if isinstance(value, UploadFile):
                value = [value.filename, value.content_type, value.read().decode()]  # type: ignore[attr-defined]
            values.append([name, value])
        return values

    return await asyncio.to_thread(handler)


BOTH = pytest.mark.parametrize("handler", [summary, blocking_summary], ids=["async def", "def"])


def sent(handler: Any, body: bytes, *headers: str, max_body: int = 1 << 20) -> Answer:
    async def main() -> Answer:
        async with served([route("POST", "/x", handler)], max_body=max_body) as server:
            return await server.get("/x", *headers, method="POST", body=body)

    return run(main())  # type: ignore[no-any-return]


def part(disposition: str, value: bytes, *more: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *more]
    return "\r\n".join(["--b", *lines, "", ""]).encode() + value + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join([*parts, b"--b--\r\n"])


@BOTH
def test_a_form_has_its_fields_in_their_order(handler: Any) -> None:
    got = sent(handler, b"a=1&b=%C3%A9+x&a=&c", f"{URLENCODED}; charset=utf-8")

    assert got.json() == [["a", "1"], ["b", "é x"], ["a", ""], ["c", ""]]


@BOTH
def test_a_form_of_parts_has_fields_and_files(handler: Any) -> None:
    body = multipart(
        part('name="title"', "Grüße".encode()),
        part('name="file"; filename="a b.txt"', b"content", "Content-Type: text/plain"),
        part('name="none"; filename=""', b""),
    )

    assert sent(handler, body, MULTIPART).json() == [
        ["title", "Grüße"],
        ["file", ["a b.txt", "text/plain", "content"]],
        ["none", ["", None, ""]],
    ]


@BOTH
def test_no_body_is_a_form_without_fields(handler: Any) -> None:
    assert sent(handler, b"").json() == []


@BOTH
@pytest.mark.parametrize(
    ("body", "header", "status"),
    [
        (b"garbage", MULTIPART, 400),
        (b"", MULTIPART, 400),
        (part('name="a"', b"cut"), MULTIPART, 400),
        (multipart(part('name="a"', b"1"))[:-6], MULTIPART, 400),
        (multipart(part('nome="a"', b"1")), MULTIPART, 400),
        (multipart(b"--b\r\n\r\nno headers\r\n"), MULTIPART, 400),
        (multipart(part('name="a"', b"\xff")), MULTIPART, 400),
        (multipart(part('name="a"', b"1", "X: " + "y" * 100_000)), MULTIPART, 400),
        (multipart(part('name="a"', b"1")), "Content-Type: multipart/form-data", 400),
        (multipart(part('name="a"', b"1")), f"{MULTIPART}{'b' * 5000}", 400),
        (b"a=%FF", URLENCODED, 400),
        (b"a=\xff", URLENCODED, 400),
        (b'{"a": 1}', "Content-Type: application/json", 415),
        (b"a=1", "X: y", 415),
        (b"&".join([b"a=1"] * 1001), URLENCODED, 413),
        (multipart(*[part('name="a"', b"1")] * 1001), MULTIPART, 413),
        (multipart(*[part('name="a"; filename="f"', b"1")] * 101), MULTIPART, 413),
        (multipart(part('name="a"', b"1" * 1_048_577)), MULTIPART, 413),
        (b"a=" + b"1" * 1_048_577, URLENCODED, 413),
    ],
    ids=range(19),
)
def test_what_is_no_form_is_refused_with_the_reason(
    handler: Any, body: bytes, header: str, status: int
) -> None:
    answer = sent(handler, body, header, max_body=4 << 20)

    assert status == answer.status, answer.body
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["1234"], 200),
        (["éé"], 200),
        (["ééé"], 413),
        (["éé"] * 10, 200),
        (["éé"] * 10 + ["1"], 413),
    ],
)
def test_the_limits_of_fields_count_the_bytes_of_values_in_either_type(
    values: list[str], status: int
) -> None:
    async def handler(exchange: Exchange) -> Any:
        return await described(await exchange.request.form(max_part_size=4))

    encoded = urlencode([("a_long_name", value) for value in values]).encode()
    parts = multipart(*[part('name="a_long_name"', value.encode()) for value in values])

    answers = sent(handler, encoded, URLENCODED), sent(handler, parts, MULTIPART)

    assert [answer.status for answer in answers] == [status, status]
    if status == 200:
        assert answers[0].json() == answers[1].json() == [["a_long_name", each] for each in values]


@BOTH
def test_a_field_may_have_exactly_1_mib(handler: Any) -> None:
    value = b"1" * (1 << 20)
    for body, kind in (b"a=" + value, URLENCODED), (multipart(part('name="a"', value)), MULTIPART):
        assert sent(handler, body, kind, max_body=4 << 20).status == 200


@BOTH
def test_the_largest_body_holds_for_forms_too(handler: Any) -> None:
    body = multipart(part('name="a"; filename="f"', b"1" * 100_000))

    assert sent(handler, body, MULTIPART, max_body=50_000).status == 413


def open_files() -> set[str]:
    """The names of all that this process has open and that has none in any folder."""
    return {name for name in descriptors() if "(deleted)" in name}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system lists no descriptors")
@pytest.mark.parametrize("blocking", [False, True], ids=["async def", "def"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_large_upload_is_on_disk_and_gone_after_the_call(blocking: bool, fails: bool) -> None:
    before, seen, uploads = open_files(), set[str](), []

    async def handler(exchange: Exchange) -> Any:
        if blocking:
            form: Any = (await exchange.read()).form()
        else:
            form = await exchange.request.form()
        uploads.append(form["file"])
        seen.update(open_files() - before)
        if fails:
            raise ValueError
        return {"size": form["file"].size}

    body = multipart(
        part('name="file"; filename="f"', b"1" * 3_000_000), part('name="a"; filename="g"', b"2")
    )
    answer = sent(handler, body, MULTIPART, max_body=4 << 20)
    gc.collect()

    assert answer.status == 500 if fails else answer.json() == {"size": 3_000_000}
    assert seen
    assert open_files() - before == set()
    assert uploads[0].file.closed


def test_many_files_of_one_form_share_the_memory_that_it_has() -> None:
    async def handler(exchange: Exchange) -> Any:
        form: Any = await exchange.request.form()
        return [upload.file._rolled for upload in form.getlist("a")]

    sizes = [900_000, 100_000, 100_000, 10_000, 100_000]
    body = multipart(*[part('name="a"; filename="f"', b"1" * size) for size in sizes])

    assert sent(handler, body, MULTIPART, max_body=4 << 20).json() == [
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_plain_def_may_still_read_the_bytes_of_a_form_of_parts() -> None:
    body = multipart(part('name="a"', b"1"))

    async def handler(exchange: Exchange) -> Any:
        request = await exchange.read()
        return {"form": request.form()["a"], "same": request.body() == body}

    assert sent(handler, body, MULTIPART).json() == {"form": "1", "same": True}


def test_a_plain_def_that_turns_out_to_be_an_async_one_has_its_form() -> None:
    async def handler(exchange: Exchange) -> Any:
        request: Any = await exchange.read()
        exchange.become_async()
        return {"a": (await request.form())["a"]}

    assert sent(handler, multipart(part('name="a"', b"1")), MULTIPART).json() == {"a": "1"}


def test_whoever_asks_whether_the_client_is_there_can_still_read_the_body() -> None:
    async def handler(exchange: Exchange) -> Any:
        request = exchange.request
        gone = [await request.is_disconnected() for _ in range(3)]
        return {"gone": any(gone), "body": (await request.body()).decode()}

    async def main() -> list[Answer]:
        async with served([route("POST", "/x", handler)], max_body=100_000) as server:
            whole = await server.get("/x", method="POST", body=b"hello")
            client = await server.connect()
            body = b"0123456789" * 1000
            client.send(head("POST", "/x", body=body))
            for start in range(0, len(body), 1000):
                client.send(body[start : start + 1000])
                await client.writer.drain()
                await asyncio.sleep(0)
            pieces = await client.answer()
            await client.close()
            return [whole, pieces]

    whole, pieces = run(main())

    assert whole.json() == {"gone": False, "body": "hello"}
    assert pieces.json() == {"gone": False, "body": "0123456789" * 1000}


def test_asking_whether_the_client_is_there_keeps_no_more_than_the_largest_body() -> None:
    kept: list[int] = []
    asked = asyncio.Event()

    async def handler(exchange: Exchange) -> Any:
        request = exchange.request
        for _ in range(200):
            await request.is_disconnected()
            kept.append(len(request._early or b""))
            await asyncio.sleep(0)
        asked.set()
        return None

    async def main() -> None:
        async with served([route("POST", "/x", handler)], max_body=100_000) as server:
            client = await server.connect()
            client.send(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(50):
                client.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                await asyncio.sleep(0)
            await asked.wait()
            await client.close()

    run(main())

    assert 0 < max(kept) < 300_000
