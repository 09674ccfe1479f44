"""Events on each driver: published from handlers, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.queue.outcome import Reject
from runtime.testing import App, running
from tests.support.blackbox import write_files

HEAD = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":8080", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: publish, kind: http.endpoint, method: POST, path: "/{topic}",
     func: "file://h.py#publish"}
  - {name: plain, kind: http.endpoint, method: POST, path: "/plain/{topic}",
     func: "file://plain.py#publish"}
"""
DRIVERS = {
    "memory": "  - {name: driver, kind: queue.driver.memory}\n",
    "sqlite": "  - {name: db, kind: db.sql.sqlite, file: a.db}\n"
    "  - {name: driver, kind: queue.driver.sql}\n",
    "postgres": "  - {name: db, kind: db.sql.postgres, dsn: 'URL'}\n"
    "  - {name: driver, kind: queue.driver.sql}\n",
}
SUBSCRIBERS = """
  - {name: mailer, kind: event.subscriber, topics: [order.paid, user.*], func: "file://h.py#mail",
     driver_options: {memory: {max_length: 3}, sql: {max_length: 3}}}
  - {name: audit, kind: event.subscriber, topics: ["#", "order.#"], func: "file://h.py#audit",
     retry: {initial_delay: 1s, jitter: 0}, dead_letter: {max_attempts: 2}}
  - {name: off, kind: event.subscriber, topics: [order.*], func: "file://h.py#audit",
     lifecycle: {auto_start: false}}
"""
HANDLERS = """
from typing import Annotated
from runtime.modules import events, http, logger, queue

async def publish(request):
    body = await request.json()
    delay = request.headers.get("x-delay")
    try:
        return await events.publish(request.path_params["topic"], body, {"x_by": "test"}, delay)
    except (events.InvalidTopic, events.InvalidBody) as error:
        raise http.Error(422, str(error))

async def mail(body):
    if body == "bad":
        raise queue.Reject("bad")
    logger.info("mail", body=body, topic=events.topic(), headers=dict(queue.message().headers))

async def audit(body):
    if body == "fails":
        raise ValueError("no")
    logger.info("audit", body=body, topic=events.topic())
"""
PLAIN = """
from runtime.modules.sync import events

def publish(request):
    return events.publish(request.path_params["topic"], request.json())
"""


@pytest.fixture(params=[*DRIVERS])
def manifest(request: pytest.FixtureRequest) -> str:
    url = request.getfixturevalue("postgres").url if request.param == "postgres" else ""
    return HEAD + DRIVERS[request.param].replace("URL", url) + SUBSCRIBERS


@pytest.fixture
def app(manifest: str, tmp_path: Path) -> Iterator[App]:
    write_files(tmp_path, {"_index.yaml": manifest, "h.py": HANDLERS, "plain.py": PLAIN})
    with running(tmp_path) as app:
        yield app


def seen(app: App, message: str) -> list[dict[str, Any]]:
    lines = [dict(line.fields) for line in app.logs() if line.message == message]
    return [{name: line[name] for name in line if name != "message_id"} for line in lines]


def test_each_subscriber_whose_pattern_matches_gets_it_once(app: App) -> None:
    ids = app.post("/order.paid", json=1).json()
    app.drain()

    assert {*ids} == {"app:mailer", "app:audit", "app:off"}
    assert len({*ids.values()}) == 3
    headers = {"x_by": "test", "x_topic": "order.paid"}
    assert seen(app, "mail") == [{"body": 1, "topic": "order.paid", "headers": headers}]
    assert seen(app, "audit") == [{"body": 1, "topic": "order.paid"}]
    assert {*app.post("/user.new", json=2).json()} == {"app:mailer", "app:audit"}


def test_a_plain_function_publishes_too(app: App) -> None:
    assert {*app.post("/plain/order.paid", json=1).json()} == {"app:mailer", "app:audit", "app:off"}
    app.drain()

    assert [each["body"] for each in seen(app, "mail")] == [1]


def test_a_subscriber_that_does_not_run_finds_its_events_later(app: App) -> None:
    app.post("/order.paid", json=1)

    assert app.info("off").ready == 1


def test_each_subscriber_has_its_own_retries_and_dead_letters(app: App) -> None:
    app.post("/order.paid", json="fails")
    app.drain(advance=True, failing=ValueError)
    app.post("/order.paid", json="bad")
    app.drain(failing=Reject)

    assert [letter.body for letter in app.dead("audit")] == ["fails"]
    assert [letter.body for letter in app.dead("mailer")] == ["bad"]
    assert app.dead("audit")[0].headers["x_topic"] == "order.paid"
    assert [each["body"] for each in seen(app, "mail")] == ["fails"]


def test_an_event_may_be_delayed(app: App) -> None:
    app.post("/user.new", json=1, headers={"x-delay": "1m"})
    app.drain()
    assert seen(app, "mail") == []

    app.advance("1m")
    assert [each["body"] for each in seen(app, "mail")] == [1]


def test_a_pattern_is_no_topic(app: App) -> None:
    answer = app.post("/order.*", json=1)

    assert answer.status == 422
    assert "'order.*' is a pattern" in answer.text


def test_of_a_full_queue_the_others_of_the_database_get_nothing_either(
    app: App, manifest: str
) -> None:
    with app.paused("mailer"), app.paused("audit"):
        for number in range(3):
            assert app.post("/order.paid", json=number).status == 200
        assert app.post("/order.paid", json=3).status == 503

        counts = [app.info(name).ready for name in ("mailer", "audit", "off")]
    # in memory, each gets it by itself
    assert counts == ([3, 4, 4] if "queue.driver.memory" in manifest else [3, 3, 3])


def test_a_topic_without_subscribers_is_said_once(manifest: str, tmp_path: Path) -> None:
    quiet = manifest.replace('"#", ', "")
    write_files(tmp_path, {"_index.yaml": quiet, "h.py": HANDLERS, "plain.py": PLAIN})
    with running(tmp_path) as app:
        for _ in range(3):
            assert app.post("/cart.left", json=1).json() == {}
        said = [line for line in app.logs() if "nobody subscribes" in line.message]

    assert [line.message for line in said] == [
        "app:publish published 'cart.left', to which nobody subscribes"
    ]


TYPED = """
from typing import Annotated
import msgspec
from runtime.modules import events, queue

class Order(msgspec.Struct):
    order: int

async def mail(order: Order):
    pass
"""


def test_a_typed_subscriber_is_asked_before_anybody_gets_the_event(
    manifest: str, tmp_path: Path
) -> None:
    typed = manifest.replace("h.py#mail", "typed.py#mail")
    files = {"_index.yaml": typed, "h.py": HANDLERS, "plain.py": PLAIN, "typed.py": TYPED}
    write_files(tmp_path, files)
    with running(tmp_path) as app:
        answer = app.post("/order.paid", json={"order": "seven"})
        assert app.post("/order.paid", json={"order": 7}).status == 200

        assert answer.status == 422
        assert "does not fit 'app:mailer'" in answer.text
        assert app.info("off").ready == 1


LOOKING = """
from typing import Annotated
from runtime.modules import queue

async def publish(topic: str, own: Annotated[queue.Queue, "app:mailer"]):
    letters = await queue.dead_letters("mailer")
    await queue.requeue("mailer", letters[0])
    return [own.id, (await queue.info("mailer")).dead]
"""


def test_the_queue_is_one_like_any_other_for_handlers(manifest: str, tmp_path: Path) -> None:
    files = {"_index.yaml": manifest, "h.py": HANDLERS, "plain.py": LOOKING}
    write_files(tmp_path, files)
    with running(tmp_path) as app:
        app.post("/user.new", json="bad")
        app.drain(failing=Reject)

        assert app.post("/plain/x", json=None).json() == ["app:mailer", 0]
        app.drain(failing=Reject)
        assert app.dead("mailer")[0].headers["x_requeued"] == "1"
