"""The kit on PostgreSQL, whose server has a clock of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runtime.testing import running
from tests.support.blackbox import EXAMPLE
from tests.support.postgres_schema import PostgresSchema
from tests.testing.application import DATABASE, DURABLE, write


def on(postgres: PostgresSchema) -> tuple[str, ...]:
    return ("app:db:kind=db.sql.postgres", f"app:db:dsn={postgres.url}")


def test_a_dead_letter_is_reached_by_the_clock_of_the_test(
    tmp_path: Path, postgres: PostgresSchema
) -> None:
    handlers = """
        async def work(body):
            raise ValueError("no bread")
    """
    with running(write(tmp_path, handlers, DATABASE), *on(postgres), *DURABLE) as app:
        began = app.now
        app.publish("jobs", 1)
        app.drain(advance=True, failing=ValueError)

        (letter,) = app.dead("jobs")
        assert (letter.reason, letter.attempts) == ("attempts", 10)
        assert timedelta(minutes=7) < app.now - began < timedelta(minutes=13)


def test_delayed_messages_come_in_their_order(tmp_path: Path, postgres: PostgresSchema) -> None:
    handlers = """
        from runtime.modules import queue

        async def work(delay):
            if delay:
                await queue.publish("app:jobs", 0, delay=delay)
    """
    with running(write(tmp_path, handlers, DATABASE), *on(postgres), *DURABLE) as app:
        app.publish("jobs", "1h", "2h")
        app.drain()
        assert app.info("jobs").delayed == 2
        app.advance("1h")
        assert app.info("jobs").delayed == 1
        app.advance("1h")
        assert app.info("jobs").delayed == 0


def test_the_example_runs_on_it(postgres: PostgresSchema) -> None:
    durable = ("app:queue_driver:kind=queue.driver.sql", "app:queue_driver:database=app:db")
    with running(EXAMPLE, *on(postgres), *durable) as app:
        assert app.post("/tasks", json={"action": "noop"}).status == 202
        app.drain("tasks_queue")
        rows = app.sql("db").query("SELECT status FROM tasks")

    assert rows == [{"status": "completed"}]
