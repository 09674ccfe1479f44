"""event.subscriber: what is said of it before the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.entry_id import EntryId
from tests.support.hosting import linked, remarks

HEAD = """
namespace: app
entries:
  - {name: memory, kind: queue.driver.memory}
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: rows, kind: queue.driver.sql, database: db}
  - {name: broker, kind: queue.driver.amqp, url: "amqp://guest@127.0.0.1"}
  - {name: taken, kind: queue.queue, driver: rows}
  - {name: work, kind: queue.consumer, queue: taken, func: "file://h.py#publish"}
"""
HANDLERS = """
from runtime.modules import events, sql
async def publish(body):
    await events.publish(CALL)
async def got(body):
    pass
def two(a, b):
    pass
"""


def told(folder: Path, subscriber: str, call: str = '"order.paid", body') -> list[str]:
    """The findings and notes on a subscriber and on what publishes."""
    files = {"h.py": HANDLERS.replace("CALL", call)}
    return [
        f"{each.message}; {each.hint}"
        for each in remarks(folder, f"{HEAD}  - {subscriber}\n", files)
        if each.position.line == HEAD.count("\n") or "h.py" in str(each.position)
    ]


def entry(fields: str, func: str = "got") -> str:
    return f'{{name: mailer, kind: event.subscriber, {fields}, func: "file://h.py#{func}"}}'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("driver: rows, topics: [order.]", "the pattern 'order.' has an empty word"),
        ("driver: rows, topics: ['order.**']", "write '#' for any number of words"),
        ("driver: rows, topics: []", "'topics' "),
        ("topics: [order.paid]", "missing field 'driver', which could be"),
        ("driver: rows, topics: [order.paid], queue_name: taken", "'taken' is taken on 'app:db'"),
        ("driver: db, topics: [order.paid]", "'app:db' is of kind db.sql.sqlite, not queue.driver"),
        ("driver: memory, topics: [order.paid], transaction: db", "it keeps them in memory"),
        ("driver: broker, topics: [order.paid], timeout: 40m", "delivers a message again that is"),
    ],
)
def test_what_cannot_be_meant_is_told_before_the_start(
    tmp_path: Path, fields: str, message: str
) -> None:
    findings = told(tmp_path, entry(fields))

    assert [text for text in findings if message in text], findings


def test_the_function_takes_one_argument(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, entry("driver: rows, topics: [order.paid]", "two"))

    assert "a subscriber" in finding


def test_a_sound_subscriber_needs_no_word(tmp_path: Path) -> None:
    assert told(tmp_path, entry("driver: rows, topics: ['order.*', user.new]")) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('"order.payed", body', "nobody subscribes to 'order.payed'; did you mean 'order.paid'?"),
        ('"order.*", body', "'order.*' is a pattern; an event is published to one topic"),
        ('topic="order..paid", body=body', "the topic 'order..paid' has an empty word"),
        ('"order.paid", body, transaction=sql.transaction()', "takes no 'transaction': it keeps"),
    ],
)
def test_a_topic_in_the_code_is_compared_with_the_subscribers(
    tmp_path: Path, call: str, message: str
) -> None:
    findings = told(tmp_path, entry("driver: memory, topics: [order.paid]"), call)

    assert [text for text in findings if message in text], findings


def test_a_topic_that_only_the_program_knows_is_no_finding(tmp_path: Path) -> None:
    assert (
        told(tmp_path, entry("driver: memory, topics: [order.paid]"), "body['topic'], body") == []
    )


def test_what_publishes_needs_the_driver_and_not_the_subscriber(tmp_path: Path) -> None:
    subscriber = entry("driver: memory, topics: ['order.#']")
    files = {"h.py": HANDLERS.replace("CALL", '"order.paid", body')}
    found = linked(tmp_path, f"{HEAD}  - {subscriber}\n", files)
    work, memory, mailer = (EntryId("app", name) for name in ("work", "memory", "mailer"))

    assert memory in found.graph.needs[work]
    assert mailer not in found.graph.reach([work])
