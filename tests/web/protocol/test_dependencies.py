"""Undocumented parts of httptools and uvloop that `runtime.engines.web.protocol` depends on."""

from __future__ import annotations

import asyncio

import httptools
import pytest

from runtime.engines.web.exchange import Exchange
from tests.support.serving import SOON, head, route, run, served


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
