"""Typed handlers of consumers: what they are given, and messages and bodies that do not fit."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from runtime.modules import queue
from runtime.service import StartError
from runtime.testing import App, running
from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db}
  - {name: driver, kind: queue.driver.memory}
  - {name: durable, kind: queue.driver.sql, database: db}
  - name: tasks
    kind: queue.queue
    driver: driver
    retry: {initial_delay: 10ms}
  - {name: done, kind: queue.queue, driver: driver}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://work.py#main
    lifecycle: {auto_start: true}
"""
HEAD = """
from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from runtime.modules import logger, queue, sql
from runtime.modules.sync import queue as blocking_queue
from runtime.modules.sync import sql as blocking_sql


class Task(msgspec.Struct):
    action: Literal["sum", "noop"]
    numbers: list[Annotated[int, Meta(ge=0)]] = []
"""
DRIVERS = pytest.mark.parametrize(
    "overrides", [(), ("app:tasks:driver=durable",)], ids=["memory", "sqlite"]
)
WORK = """
async def main(task: Task, message: queue.Message, log: logger.Logger,
               done: Annotated[queue.Queue, "done"], db: Annotated[sql.Database, "app:db"]):
    log.info("working")
    (row,) = await db.query("SELECT 7 AS n")
    await done.publish([task.action, sum(task.numbers), message.attempt, row["n"]])
"""


def write(folder: Path, code: str) -> Path:
    return write_files(folder, {"_index.yaml": MANIFEST, "work.py": HEAD + dedent(code)})


def publish_unchecked(app: App, body: object) -> None:
    """Publish as a program does that knows nothing of the consumer."""
    tasks = app.component("app:tasks")
    checks, tasks.checks = tasks.checks, ()
    app.publish("app:tasks", body)
    tasks.checks = checks


@DRIVERS
def test_a_handler_is_given_body_message_log_and_components(
    tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    with running(write(tmp_path, WORK), *overrides) as app:
        app.publish("app:tasks", {"action": "sum", "numbers": [1, 2]})
        app.drain("app:tasks")

        assert app.published("app:done") == [["sum", 3, 1, 7]]
        assert app.logs("app:worker")[-1].message == "working"


def test_a_plain_def_is_given_what_blocks(tmp_path: Path) -> None:
    code = """
    def main(task: Task, *, message: blocking_queue.Message,
             done: Annotated[blocking_queue.Queue, "done"],
             db: Annotated[blocking_sql.BlockingDatabase, "db"]):
        (row,) = db.query("SELECT 7 AS n")
        done.publish([task.action, message.attempt, row["n"], done.info().ready])
        message.ack()
    """
    with running(write(tmp_path, code)) as app:
        app.publish("app:tasks", {"action": "noop"})
        app.drain("app:tasks")

        assert app.published("app:done") == [["noop", 1, 7, 0]]


@DRIVERS
def test_a_message_of_the_wrong_shape_is_dead_at_once_with_the_place(
    tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    with running(write(tmp_path, WORK), *overrides) as app:
        publish_unchecked(app, {"action": "zum", "numbers": [1, -1]})
        app.drain("app:tasks", failing=queue.InvalidBody)

        (letter,) = app.dead("app:tasks")
        assert letter.reason == "invalid"
        assert letter.attempts == 1
        assert letter.error == (
            "InvalidBody: #/action: must be one of 'noop', 'sum'; #/numbers/1: must be at least 0"
        )
        assert letter.traceback == ""
        assert app.published("app:done") == []


def test_publish_refuses_a_body_that_the_consumer_would_not_take(tmp_path: Path) -> None:
    with running(write(tmp_path, WORK)) as app:
        with pytest.raises(queue.InvalidBody, match=r"does not fit 'app:worker': #/action: is mis"):
            app.publish("app:tasks", {})
        app.publish("app:done", {})  # nobody is known to take it

        assert app.info("app:tasks").ready == 0


def test_publish_checks_nothing_if_one_of_the_consumers_takes_any_body(tmp_path: Path) -> None:
    other = """
  - {name: other, kind: queue.consumer, queue: tasks, func: "file://work.py#any"}
    """
    write(tmp_path, WORK + "\nasync def any(body): ...\n")
    (tmp_path / "_index.yaml").write_text(MANIFEST.rstrip() + other.rstrip() + "\n")
    with running(tmp_path) as app:
        assert app.component("app:tasks").checks == []


def test_a_handler_that_asks_for_no_body_takes_any(tmp_path: Path) -> None:
    code = """
    async def main(message: queue.Message, done: Annotated[queue.Queue, "done"]):
        await done.publish(message.id)
    """
    with running(write(tmp_path, code)) as app:
        (id,) = app.publish("app:tasks", {"any": "thing"})
        app.drain("app:tasks")
        assert app.published("app:done") == [id]


@pytest.mark.parametrize(
    ("annotation", "body"),
    [("int", 5), ("str", "a"), ("list[int]", [1]), ("dict[str, Any]", {"a": None}), ("Any", [1])],
)
def test_a_body_may_be_of_any_type(tmp_path: Path, annotation: str, body: object) -> None:
    code = f"""
async def main(it: {annotation}, done: Annotated[queue.Queue, "done"]):
    await done.publish(it)
"""
    with running(write(tmp_path, code)) as app:
        app.publish("app:tasks", body)
        app.drain("app:tasks")
        assert app.published("app:done") == [body]


def test_an_error_of_the_users_class_fails_the_attempt_and_not_the_consumer(tmp_path: Path) -> None:
    code = """
class Odd(msgspec.Struct):
    n: int

    def __post_init__(self):
        {}[self.n]

async def main(it: Odd): ...
"""
    with running(write(tmp_path, code)) as app:
        publish_unchecked(app, {"n": 1})
        app.drain("app:tasks", advance=True, failing=KeyError)
        (letter,) = app.dead("app:tasks")
        assert letter.reason == "attempts"


def test_structs_are_published_as_before(tmp_path: Path) -> None:
    code = """
@dataclass
class Point:
    x: int
    y: int = 2

async def main(it: Point, done: Annotated[queue.Queue, "done"]):
    await done.publish(it)
"""
    with running(write(tmp_path, code)) as app:
        app.publish("app:tasks", {"x": 1})
        app.drain("app:tasks")
        assert app.published("app:done") == [{"x": 1, "y": 2}]


def test_our_name_for_the_folder_is_in_no_error(tmp_path: Path) -> None:
    code = """
class Other(msgspec.Struct):
    n: int

async def main(it: Task | Other): ...
"""
    with pytest.raises(StartError) as caught, running(write(tmp_path, code)):
        pass
    assert "work.Task" in str(caught.value)
    assert "_application" not in str(caught.value)
