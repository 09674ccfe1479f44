"""call: one message, past the queue, handled as a worker would."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import NotQuiet, Outcome, running
from tests.testing.application import DATABASE, DURABLE, write

HANDLERS = """
    import asyncio
    from datetime import date
    from runtime.modules import queue, sql

    async def work(body):
        message = queue.message()
        match body:
            case "ack":
                assert message.headers == {"a": "b"}
            case "fail":
                raise ValueError(f"attempt {message.attempt}")
            case "reject":
                raise queue.Reject("never")
            case "later":
                raise queue.Retry("5m")
            case "hang":
                await asyncio.Event().wait()
            case _:
                assert body == "2026-01-02", body
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, HANDLERS, DATABASE)


def test_an_ack(folder: Path) -> None:
    with running(folder) as app:
        assert app.call("work", "ack", headers={"a": "b"}) == Outcome(status="ack")
        assert app.published("jobs") == []


def test_a_body_is_encoded_as_publish_does(folder: Path) -> None:
    from datetime import date

    with running(folder) as app:
        assert app.call("worker", date(2026, 1, 2)).status == "ack"


def test_a_failure_is_retried_until_the_last_attempt(folder: Path) -> None:
    with running(folder, "app:jobs:retry.jitter=0") as app:
        assert app.call("work", "fail", attempt=3) == Outcome(status="retry", delay=4.0)
        dead = app.call("work", "fail", attempt=10)

        assert dead == Outcome(status="dead", reason="attempts", error="ValueError: attempt 10")
        assert app.dead("jobs") == []
        app.drain()


def test_what_a_handler_raises_on_purpose_decides(folder: Path) -> None:
    with running(folder) as app:
        assert app.call("work", "later") == Outcome(status="retry", delay=300.0)
        rejected = Outcome(status="dead", reason="rejected", error="Reject: never")
        assert app.call("work", "reject") == rejected


def test_in_a_transaction_its_writes_are_committed(tmp_path: Path) -> None:
    handlers = """
        from runtime.modules import sql

        async def work(number):
            await sql.transaction().execute("INSERT INTO done VALUES (?)", (number,))
            if number == 2:
                raise ValueError("no")
    """
    overrides = (*DURABLE, "app:worker:transaction=app:db")
    with running(write(tmp_path, handlers, DATABASE), *overrides) as app:
        app.sql("db").execute("CREATE TABLE done (number INTEGER)")

        assert app.call("work", 1).status == "ack"
        assert app.call("work", 2).status == "retry"
        assert app.sql("db").query("SELECT number FROM done") == [{"number": 1}]


def test_a_handler_that_hangs_is_named(folder: Path) -> None:
    with running(folder) as app, pytest.raises(NotQuiet, match=r"call: not quiet after 0\.1 s"):
        app.call("work", "hang", limit=0.1)


def test_a_function_that_no_consumer_calls_is_refused(folder: Path) -> None:
    with running(folder) as app, pytest.raises(LookupError, match="no consumer calls 'app:db'"):
        app.call("db", 1)


def test_a_typed_handler_gets_its_type_and_a_body_of_another_shape_is_dead(tmp_path: Path) -> None:
    handlers = """
        from msgspec import Struct

        class Mail(Struct):
            to: str

        async def work(mail: Mail):
            assert isinstance(mail, Mail)
    """
    with running(write(tmp_path, handlers)) as app:
        assert app.call("work", {"to": "ada"}).status == "ack"
        invalid = app.call("work", {"to": 1})

    assert (invalid.status, invalid.reason) == ("dead", "invalid")
    assert "#/to: must be a string" in invalid.error
