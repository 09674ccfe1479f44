"""queue.consumer with `batch`: what is declared, what is typed, and what the kit makes of it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from runtime.modules import queue
from runtime.service import StartError
from runtime.testing import running
from tests.support.blackbox import write_files
from tests.support.good_manifests import check

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db}
  - {name: memory, kind: queue.driver.memory}
  - {name: durable, kind: queue.driver.sql, database: db}
  - {name: tasks, kind: queue.queue, driver: durable}
  - {name: done, kind: queue.queue, driver: durable}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: file://work.py#main
    prefetch: 50
    batch: {size: 50}
    lifecycle: {auto_start: true}
"""
HEAD = """
from typing import Annotated

import msgspec

from runtime.modules import logger, queue, sql
from runtime.modules.sync import queue as blocking_queue


class Task(msgspec.Struct):
    n: int


"""
SUM = """
async def main(tasks: list[Task], log: logger.Logger, done: Annotated[queue.Queue, "done"]):
    log.info("working")
    await done.publish([sum(task.n for task in tasks), len(queue.messages())])
"""


def write(folder: Path, code: str = SUM, *changes: tuple[str, str]) -> Path:
    manifest = MANIFEST
    for old, new in changes:
        assert old in manifest
        manifest = manifest.replace(old, new)
    return write_files(folder, {"_index.yaml": manifest, "work.py": HEAD + dedent(code)})


@pytest.mark.parametrize("driver", ["memory", "durable"])
def test_a_typed_handler_gets_a_list_of_its_type(driver: str, tmp_path: Path) -> None:
    folder = write(tmp_path, SUM, ("tasks, kind: queue.queue, driver: durable", "tasks, kind: "
                                   f"queue.queue, driver: {driver}"))  # fmt: skip
    with running(folder) as app:
        consumer = app.paused("app:worker")
        with consumer:
            app.publish("app:tasks", *({"n": n} for n in range(5)))
        app.drain("app:tasks")

        assert app.published("app:done") == [[10, 5]]
        (line,) = app.logs("app:worker")[-1:]
        assert line.message == "working"


def test_a_message_of_another_shape_is_dead_and_the_batch_goes_on(tmp_path: Path) -> None:
    with running(write(tmp_path)) as app:
        with app.paused("app:worker"):
            app.component("app:tasks").checks = ()
            app.publish("app:tasks", {"n": 1}, {"n": "two"}, {"n": 3})
        app.drain("app:tasks", failing=queue.InvalidBody)
        (letter,) = app.dead("app:tasks")

        assert app.published("app:done") == [[4, 2]]
        assert (letter.reason, letter.body) == ("invalid", {"n": "two"})


def test_publish_refuses_an_item_that_the_batch_would_not_take(tmp_path: Path) -> None:
    with running(write(tmp_path)) as app, pytest.raises(queue.InvalidBody, match="#/n"):
        app.publish("app:tasks", {"n": "two"})


def test_what_many_publish_is_among_what_was_published(tmp_path: Path) -> None:
    code = """
    async def main(numbers):
        await queue.publish_many("done", numbers)
    """
    with running(write(tmp_path, code)) as app:
        app.publish("app:tasks", 7)
        app.drain("app:tasks")

        assert app.published("app:done") == [7]


def test_a_batch_in_a_transaction_is_done_with_its_writes(tmp_path: Path) -> None:
    code = """
    async def main(numbers):
        tx = sql.transaction()
        await tx.execute("CREATE TABLE IF NOT EXISTS seen (n)")
        for n in numbers:
            await tx.execute("INSERT INTO seen VALUES (?)", [n])
    """
    folder = write(tmp_path, code, ("prefetch: 50", "prefetch: 50\n    transaction: db"))
    with running(folder) as app:
        app.publish("app:tasks", 1, 2, 3)
        app.drain("app:tasks")

        assert app.sql("app:db").query("SELECT sum(n) AS sum FROM seen") == [{"sum": 6}]
        assert app.info("app:tasks").in_flight == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            [("    prefetch: 50\n", "")],
            "a batch of 50 can never be full with at most 10 messages claimed; "
            "write 'prefetch: 50' or more",
        ),
        (
            [("prefetch: 50", "prefetch: 60\n    concurrency: 2")],
            "2 batches of 50 can never be full with at most 60 messages claimed; "
            "write 'prefetch: 100' or more",
        ),
        ([("batch: {size: 50}", "batch: 50")], "a map with size, and wait"),
        ([("{size: 50}", "{size: 50, wait: soon}")], "not a duration"),
        ([("{size: 50}", "{}")], "size"),
    ],
)
def test_what_cannot_be_a_batch_is_a_finding(
    changes: list[tuple[str, str]], said: str, tmp_path: Path
) -> None:
    (finding,) = check(write(tmp_path, SUM, *changes))

    assert said in finding


def test_a_single_message_is_nothing_that_a_batch_has(tmp_path: Path) -> None:
    code = "async def main(tasks: list[Task], message: queue.Message): ..."
    (finding,) = check(write(tmp_path, code))

    assert "a consumer with 'batch'" in finding


def test_a_handler_that_asks_for_one_body_is_refused_at_the_start(tmp_path: Path) -> None:
    code = "async def main(task: Task): ..."
    with (
        pytest.raises(StartError, match=r"hands in a list of bodies; write list\[…\]"),
        running(write(tmp_path, code)),
    ):
        pass
