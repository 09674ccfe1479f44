"""queue.consumer and event.subscriber with limits: what is declared, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import running
from tests.support.blackbox import write_files
from tests.support.hosting import remarks

HEAD = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: rows, kind: queue.driver.sql, database: db}
  - {name: broker, kind: queue.driver.amqp, url: "amqp://guest@127.0.0.1"}
  - {name: tasks, kind: queue.queue, driver: rows}
  - {name: far, kind: queue.queue, driver: broker}
"""
HANDLERS = """
from runtime.modules import logger
async def work(body):
    pass
async def together(bodies):
    logger.info(f"together: {bodies}")
"""
CONSUMER = 'name: c, kind: queue.consumer, queue: tasks, func: "file://h.py#work"'
FAR = 'name: c, kind: queue.consumer, queue: far, func: "file://h.py#work", timeout: 1s'
LISTENER = 'name: c, kind: event.subscriber, topics: ["#"], driver: rows, func: "file://h.py#work"'
HEARD_AFAR = LISTENER.replace("rows", "broker") + ", timeout: 1s"
LIMITS = "rate: 5/s, concurrency_by: body.tenant, per_key: 2"


def told(folder: Path, *entries: str) -> list[str]:
    text = HEAD + "".join(f"  - {{{entry}}}\n" for entry in entries)
    found = remarks(folder, text, {"h.py": HANDLERS})
    notes = ("no consumer takes", "nothing starts")
    return [f"{each.message}; {each.hint}" for each in found if not each.message.startswith(notes)]


@pytest.mark.parametrize("entry", [CONSUMER, LISTENER])
def test_limits_need_no_word(tmp_path: Path, entry: str) -> None:
    assert told(tmp_path, f"{entry}, {LIMITS}") == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (f"{CONSUMER}, rate: 5", "'rate' is 5, not a rate; write 5/s"),
        (f"{CONSUMER}, rate: fast", "'rate' is 'fast', not a rate; write 5/s, 100/m or 10/30s"),
        (
            f"{CONSUMER}, concurrency_by: tenant, per_key: 1",
            "not a place in the message; write body",
        ),
        (f"{CONSUMER}, concurrency_by: body.tenant", "has no 'per_key'; write 'per_key: 1' beside"),
        (f"{CONSUMER}, per_key: 2", "'per_key' has no 'concurrency_by'"),
        (f"{FAR}, rate: 5/s", "'app:broker' cannot keep a 'rate': RabbitMQ delivers as fast"),
        (
            f"{FAR}, concurrency_by: body, per_key: 1",
            "cannot keep a 'concurrency_by': RabbitMQ does",
        ),
        (f"{HEARD_AFAR}, rate: 5/s", "'app:broker' cannot keep a 'rate': RabbitMQ"),
    ],
)
def test_what_cannot_be_meant_is_told_before_the_start(
    tmp_path: Path, entry: str, message: str
) -> None:
    findings = told(tmp_path, entry)

    assert [text for text in findings if message in text], findings


@pytest.mark.parametrize("first", [True, False])
def test_a_queue_whose_keys_are_limited_has_one_consumer(tmp_path: Path, first: bool) -> None:
    limited, other = f"{CONSUMER}, {LIMITS}", CONSUMER.replace("name: c", "name: d")
    (finding,) = told(tmp_path, *((limited, other) if first else (other, limited)))

    assert "is taken on 'app:tasks'" in finding
    assert "the place of the only consumer" in finding


def test_a_subscriber_gets_batches(tmp_path: Path) -> None:
    entry = LISTENER.replace("#work", "#together") + ", prefetch: 50, batch: {size: 50}"
    manifest = "\n".join(line for line in HEAD.splitlines() if "broker" not in line)
    write_files(tmp_path, {"_index.yaml": f"{manifest}\n  - {{{entry}}}\n", "h.py": HANDLERS})
    with running(tmp_path) as app:
        with app.paused("app:c"):
            for number in range(3):
                app.publish("app:c", number)
        app.drain()

        assert [line.message for line in app.logs() if "together" in line.message] == [
            "together: [0, 1, 2]"
        ]
