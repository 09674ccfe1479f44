"""Events of whole applications: in transactions, over several programs, through a broker."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runtime.testing import running as testing
from tests.support.blackbox import write_files
from tests.support.program import running
from tests.support.rabbitmq_vhost import RabbitMQVhost

SHOP = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: pay, kind: http.endpoint, method: POST, path: /pay, func: "file://shop.py#pay"}
  - {name: db, kind: db.sql.sqlite, file: shop.db}
  - {name: driver, kind: queue.driver.sql, database: db}
  - {name: mailer, kind: event.subscriber, topics: [order.*], func: "file://shop.py#mail"}
  - {name: stock, kind: event.subscriber, topics: ["#"], func: "file://shop.py#count"}
"""
PAYING = """
from runtime.modules import events, http, logger, sql

async def pay(request):
    body = await request.json()
    async with sql.get("db").transaction() as tx:
        await events.publish("order.paid", body["order"], transaction=tx)
        if body.get("fails"):
            raise http.Error(409, "no")
    return body

async def mail(body):
    logger.info("mail", order=body)

async def count(body):
    logger.info("count", order=body)
"""


def test_an_event_in_a_transaction_is_published_with_it_or_not_at_all(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": SHOP, "shop.py": PAYING})
    with testing(tmp_path) as app:
        assert app.post("/pay", json={"order": 1, "fails": True}).status == 409
        assert app.post("/pay", json={"order": 2}).status == 200
        app.drain()

        assert (app.published("mailer"), app.published("stock")) == ([2], [2])


SYNC = """
from runtime.modules.sync import events, sql

def pay(request):
    body = request.json()
    with sql.get("db").transaction() as tx:
        events.publish("order.paid", body["order"], transaction=tx if body["joins"] else None)
    return body
"""


def test_a_plain_function_publishes_in_its_transaction(tmp_path: Path) -> None:
    manifest = SHOP.replace("shop.py#pay", "sync.py#pay")
    write_files(tmp_path, {"_index.yaml": manifest, "shop.py": PAYING, "sync.py": SYNC})
    with testing(tmp_path) as app:
        assert app.post("/pay", json={"order": 1, "joins": True}).status == 200
        app.drain()

        assert (app.published("mailer"), app.published("stock")) == ([1], [1])


def test_an_event_beside_an_open_transaction_is_refused_and_never_waits(tmp_path: Path) -> None:
    code = PAYING.replace(", transaction=tx", "")
    write_files(tmp_path, {"_index.yaml": SHOP, "shop.py": code})
    with testing(tmp_path) as app:
        assert app.post("/pay", json={"order": 1}).status == 500

        (line,) = [line for line in app.logs("pay") if line.level == "error"]
        assert "transaction" in line.message
        assert app.published("mailer") == []


def test_a_transaction_that_does_not_reach_a_subscriber_publishes_to_nobody(
    tmp_path: Path,
) -> None:
    mixed = (
        SHOP.replace("kind: queue.driver.sql, database: db}", SECOND)
        .replace("topics: [order.*]", "topics: [order.*], driver: driver")
        .replace('topics: ["#"]', 'topics: ["#"], driver: memory')
    )
    code = PAYING.replace('"order.paid"', 'body["topic"]')
    write_files(tmp_path, {"_index.yaml": mixed, "shop.py": code})
    with testing(tmp_path) as app:
        answer = app.post("/pay", json={"order": 1, "topic": "order.paid"})
        app.drain()

        assert answer.status == 500
        assert app.published("stock") == []
        assert app.info("mailer").ready == 0


SECOND = """kind: queue.driver.sql, database: db}
  - {name: memory, kind: queue.driver.memory}"""


PUBLISHING = """
from runtime.modules import process, queue

async def publish():
    for n in range(30):
        await events.publish("order.paid", n)
    for name in ("mailer", "stock"):
        while (info := await queue.info(name)).ready or info.in_flight:
            if await process.stopping(timeout=0.02):
                return
    logger.info("all are handled")
"""


def orders(program: Any, message: str) -> list[int]:
    return sorted(line["fields"]["order"] for line in program.log if line["message"] == message)


@pytest.mark.parametrize("server", [False, True], ids=["sqlite", "postgresql"])
def test_over_three_programs_each_subscriber_handles_each_event_once(
    tmp_path: Path, server: bool, request: pytest.FixtureRequest
) -> None:
    shop = SHOP
    if server:
        url = request.getfixturevalue("postgres").url
        shop = shop.replace(
            "kind: db.sql.sqlite, file: shop.db", f'kind: db.sql.postgres, dsn: "{url}"'
        )
    publishing = shop + (
        "  - {name: p, kind: process.python, source: 'file://shop.py', method: publish}\n"
        "  - {name: host, kind: process.host}\n"
        "  - {name: publisher, kind: process.service, process: p, host: host,\n"
        "     lifecycle: {auto_start: true}}\n"
    )
    write_files(tmp_path, {"_index.yaml": publishing, "shop.py": PAYING + PUBLISHING})
    with ExitStack() as stack:
        without = ("--except", "app:publisher")
        workers = [stack.enter_context(running(tmp_path, *without)) for _ in range(2)]
        # the subscribers are left out of the program that publishes
        sender = stack.enter_context(running(tmp_path, "--only", "app:publisher"))
        sender.wait_for("all are handled")
        assert [each.stop() for each in (*workers, sender)] == [0, 0, 0]

        for message in ("mail", "count"):
            handled = [n for each in workers for n in orders(each, message)]
            assert sorted(handled) == [*range(30)]
            assert orders(sender, message) == []


def test_with_a_driver_in_memory_a_subscriber_that_is_left_out_is_a_finding(tmp_path: Path) -> None:
    volatile = SHOP.replace(
        "  - {name: driver, kind: queue.driver.sql, database: db}\n",
        "  - {name: driver, kind: queue.driver.memory}\n",
    )
    write_files(
        tmp_path, {"_index.yaml": volatile, "shop.py": PAYING.replace(", transaction=tx", "")}
    )
    with running(tmp_path, "--except", "app:mailer", ready=False) as program:
        program.wait()

    assert "what takes the messages of 'app:mailer' is left out: app:mailer" in program.stderr


BROKERED = """
namespace: app
entries:
  - {name: driver, kind: queue.driver.amqp, url: "URL"}
  - {name: p, kind: process.python, source: "file://shop.py", method: publish}
  - {name: host, kind: process.host}
  - {name: publisher, kind: process.service, process: p, host: host,
     lifecycle: {auto_start: true}}
  - {name: mailer, kind: event.subscriber, topics: [order.*], func: "file://shop.py#mail"}
  - {name: stock, kind: event.subscriber, topics: ["#"], func: "file://shop.py#count"}
"""
ONCE = """
from runtime.modules import events, logger

async def publish():
    await events.publish("order.paid", 1)

async def mail(body):
    logger.info("mail", topic=events.topic())

async def count(body):
    logger.info("count", topic=events.topic())
"""


def test_events_travel_through_a_broker_too(tmp_path: Path, rabbitmq: RabbitMQVhost) -> None:
    manifest = BROKERED.replace("URL", rabbitmq.url)
    write_files(tmp_path, {"_index.yaml": manifest, "shop.py": ONCE})
    with running(tmp_path) as program:
        for message in ("mail", "count"):
            line = program.wait_for(lambda line, of=message: line["message"] == of)
            assert line["fields"]["topic"] == "order.paid"
