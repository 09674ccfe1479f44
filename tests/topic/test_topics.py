"""Topics: values reach all that listen now, in this program and in the others on its database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runtime.clock import REAL
from runtime.codec import NotJSON
from runtime.engines.sql.contract import Database
from runtime.engines.topic.listening import Listening
from runtime.engines.topic.topic import Topic
from runtime.service import Unavailable
from tests.support import databases, postgres_databases
from tests.support.consuming import run
from tests.support.databases import serving
from tests.support.postgres_schema import PostgresSchema

Open = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Makes the database of one more program."""
    if request.param == "sqlite":
        return lambda: databases.database(tmp_path / "app.db")
    url = request.getfixturevalue("postgres").url
    return lambda: postgres_databases.database(url)


def topic(database: Database | None, name: str = "news", backlog: int = 10) -> Topic:
    broadcast = None if database is None else database.broadcast(name, REAL)
    return Topic("app:news", max_value=100_000, backlog=backlog, broadcast=broadcast)


@asynccontextmanager
async def program(opening: Open, name: str = "news", **options: Any) -> AsyncIterator[Topic]:
    async with serving(opening()) as database, serving(topic(database, name, **options)) as made:
        yield made


async def take(listening: Listening, count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [await anext(listening) for _ in range(count)]


def test_values_reach_every_program_once_and_in_order(opening: Open) -> None:
    async def main() -> None:
        async with program(opening) as first, program(opening) as second:
            listeners = [first.listen(), first.listen(), second.listen()]
            values = [{"n": 1}, "é\n", None, ["x" * 20_000], 5]
            for value in values:
                await first.send(value)
            await second.send("of the other")

            for listening in listeners[:2]:
                assert sorted(map(str, await take(listening, 6))) == sorted(
                    map(str, [*values, "of the other"])
                )
            from_first = [v for v in await take(listeners[2], 6) if v != "of the other"]
            assert from_first == values

    run(main)


def test_a_topic_of_another_name_hears_nothing(opening: Open) -> None:
    async def main() -> None:
        async with program(opening) as news, program(opening, "sports") as sports:
            listening = sports.listen()
            await news.send(1)
            await sports.send(2)
            assert await take(listening, 1) == [2]

    run(main)


def test_a_program_that_comes_later_hears_what_is_sent_from_then_on(opening: Open) -> None:
    async def main() -> None:
        async with program(opening) as first, program(opening):
            await first.send("before")
            async with program(opening) as late:
                listening = late.listen()
                await first.send("after")
                assert await take(listening, 1) == ["after"]

    run(main)


def test_a_topic_without_a_database_is_within_its_program() -> None:
    async def main() -> None:
        async with serving(topic(None)) as it:
            listening = it.listen()
            value = {"a": [1]}
            await it.send(value)
            value["a"].append(2)
            assert await take(listening, 1) == [{"a": [1]}]

    run(main)


def test_a_slow_listener_loses_its_oldest_values_and_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        async with serving(topic(None, backlog=3)) as it:
            slow = it.listen()
            for n in range(10):
                await it.send(n)
            assert await take(slow, 3) == [7, 8, 9]
            assert slow.dropped == 7

    run(main)
    assert [record.getMessage() for record in caplog.records] == [
        "a listener of app:news does not keep up: of more than 3 values, the oldest are dropped"
    ]


def test_who_no_longer_listens_is_forgotten_and_the_stop_ends_the_others() -> None:
    async def main() -> None:
        async with serving(topic(None)) as it:
            listening = it.listen()
            it.listen()
            assert len(it._listeners) == 1
            await it.send(1)
        assert [value async for value in listening] == [1]

    run(main)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ("x" * 100_000, ValueError, "the value has 100002 bytes as JSON, and 'app:news' takes"),
        ({"at": object()}, NotJSON, "the value.at is of type object"),
    ],
)
def test_what_cannot_be_sent_is_refused(value: Any, error: type[Exception], text: str) -> None:
    async def main() -> None:
        async with serving(topic(None)) as it:
            with pytest.raises(error) as caught:
                await it.send(value)
            assert text in str(caught.value)

    run(main)


def test_a_topic_that_does_not_run_refuses_what_is_for_other_programs(opening: Open) -> None:
    async def main() -> None:
        async with serving(opening()) as database:
            it = topic(database)
            listening = it.listen()
            with pytest.raises(Unavailable, match="the topic 'news' is not running"):
                await it.send(1)
            async with serving(it):
                await it.send(2)
            assert [value async for value in listening] == [2]

    run(main)


def test_a_lost_connection_is_told_and_listeners_go_on_when_it_is_back(
    postgres: PostgresSchema,
) -> None:
    async def main() -> None:
        async with serving(postgres_databases.database(postgres.url)) as database:
            broadcast: Any = database.broadcast("news", REAL)
            it = Topic("app:news", max_value=100, backlog=10, broadcast=broadcast)
            listening = it.listen()
            with pytest.raises(Unavailable, match="the topic 'news' does not listen"):
                async with serving(it):
                    with psycopg.connect(postgres.url, autocommit=True) as other:
                        other.execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE starts_with(query, 'LISTEN') AND strpos(query, %s) > 0",
                            (broadcast._channel,),
                        )
                    await refusing(it)
            async with serving(it):
                await it.send("again")
                async with asyncio.timeout(10):
                    assert [value async for value in until("again", listening)][-1] == "again"

    run(main)


async def refusing(it: Topic) -> None:
    """Return once the topic refuses values."""
    async with asyncio.timeout(10):
        while True:
            try:
                await it.send("meanwhile")
            except Unavailable:
                return


async def until(last: Any, listening: Listening) -> AsyncIterator[Any]:
    async for value in listening:
        yield value
        if value == last:
            return
