"""schedule.cron: in a whole application, over replicas, and what is refused before the start."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from runtime.application.application import Application
from runtime.cli import command
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files
from tests.support.clock import FakeClock
from tests.support.hosting import remarks
from tests.support.program import running

HEAD = """
namespace: app
entries:
  - {name: memory, kind: queue.driver.memory}
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: durable, kind: queue.driver.sql, database: db}
  - {name: broker, kind: queue.driver.amqp, url: "amqp://guest@127.0.0.1"}
  - {name: reports, kind: queue.queue, driver: durable}
  - {name: volatile, kind: queue.queue, driver: memory}
  - {name: remote, kind: queue.queue, driver: broker}
"""
WORK = """
from runtime.modules import queue
SEEN = []
async def work(body):
    SEEN.append((body, dict(queue.message().headers)))
async def local(body):
    SEEN.append(body)
async def fails():
    SEEN.append("failed")
    raise ValueError("no")
"""


def told(folder: Path, schedule: str) -> list[str]:
    """The findings on a schedule, or its notes if there are none."""
    found = remarks(folder, f"{HEAD}  - {schedule}\n", {"h.py": WORK})
    return [each.message for each in found if each.position.line == 10]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("queue: reports", "nothing says when it fires"),
        ("every: 1m, cron: '* * * * *', queue: reports", "both 'cron' and 'every' say"),
        ("every: 1m", "nothing is done when it fires"),
        ("every: 1m, queue: reports, func: 'file://h.py#local'", "both a queue and a function"),
        ("every: 500ms, queue: reports", "'every' is 500 ms, not 1s to 8784h"),
        ("every: 1m, zone: Europe/Berlin, queue: reports", "'zone' has no effect on 'every'"),
        ("cron: '61 * * * *', queue: reports", "'61 * * * *' is no cron expression: its minute"),
        ("cron: '* * * * *', zone: Europe/Berlim, queue: reports", "no time zone 'Europe/Berlim'"),
        ("every: 1m, queue: remote", "cannot be scheduled: a broker does not remember what was"),
        ("every: 1m, queue: nothing", "no entry 'app:nothing'"),
        ("every: 1m, queue: reports, catch_up_within: 169h", "remembered for 7 days"),
        ("every: 1m, func: 'file://h.py#locall'", "no function 'locall' in 'h.py'"),
        ("every: 1m, func: 'file://h.py#local'", "each program of the application calls this"),
        ("every: 1m, queue: volatile", "'app:memory' forgets what was fired when the program"),
    ],
)
def test_what_cannot_be_meant_is_told_before_the_start(
    tmp_path: Path, fields: str, message: str
) -> None:
    schedule = f"{{name: nightly, kind: schedule.cron, {fields}}}"

    assert [text for text in told(tmp_path, schedule) if message in text]


def test_a_durable_queue_needs_no_word(tmp_path: Path) -> None:
    assert told(tmp_path, "{name: n, kind: schedule.cron, every: 1m, queue: reports}") == []


APPLICATION = """
namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: reports, kind: queue.queue, driver: driver}
  - {name: hourly, kind: schedule.cron, every: 1h, queue: reports, body: {kind: hourly}}
  - {name: local, kind: schedule.cron, cron: "30 * * * *", func: "file://h.py#local", body: [1]}
  - {name: fails, kind: schedule.cron, cron: "45 * * * *", func: "file://h.py#fails"}
  - {name: seen, kind: function.python, source: file://h.py, method: local}
  - {name: off, kind: schedule.cron, every: 1m, queue: reports, lifecycle: {auto_start: false}}
  - name: work
    kind: queue.consumer
    queue: reports
    func: "file://h.py#work"
    lifecycle: {auto_start: true}
"""


def test_messages_are_published_and_functions_called(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_files(tmp_path, {"_index.yaml": APPLICATION, "h.py": WORK})
    fake = FakeClock(1_700_006_400.0)

    async def test() -> list[object]:
        linked = link(read(tmp_path, environment={}), Registry())
        application = Application(linked, clock=fake.clock)
        stop = asyncio.Event()
        serving = asyncio.create_task(application.serve(stop))
        await fake.advance(0)
        await fake.advance(3600)
        seen = application.scope.component("seen", "app").function.__globals__["SEEN"]
        stop.set()
        assert await asyncio.wait_for(serving, 10) == 0
        return seen

    seen = asyncio.run(test())
    headers = {"x_schedule": "app:hourly", "x_scheduled_time": "2023-11-15T01:00:00Z"}
    assert seen == [[1], "failed", ({"kind": "hourly"}, headers)]
    assert "app:fails: the run of 2023-11-15T00:45:00Z failed: ValueError: no" in caplog.text


REPLICATED = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: driver, kind: queue.driver.sql, database: db}
  - {name: ticks, kind: queue.queue, driver: driver}
  - {name: tick, kind: schedule.cron, every: 1s, queue: ticks, overlap: allow}
  - name: work
    kind: queue.consumer
    queue: ticks
    func: "file://h.py#work"
    lifecycle: {auto_start: true}
"""
LOGGING = """
from runtime.modules import logger, queue
async def work(body):
    logger.info("tick", planned=queue.message().headers["x_scheduled_time"])
"""


def test_of_three_programs_one_fires_each_time(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": REPLICATED, "h.py": LOGGING})
    with ExitStack() as stack:
        worker = stack.enter_context(running(tmp_path, "--only", "app:work"))
        for _ in range(3):
            stack.enter_context(running(tmp_path, "--except", "app:work"))

        def times() -> list[str]:
            return [line["fields"]["planned"] for line in worker.log if line["message"] == "tick"]

        worker.wait_for(lambda line: len(times()) >= 4)
        planned = times()

    assert len({*planned}) == len(planned)
    assert planned == sorted(planned)


def test_validate_says_in_words_when_it_fires(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = (
        "{name: n, kind: schedule.cron, cron: '30 2 * * 1-5', zone: Europe/Berlin, queue: reports}"
    )
    write_files(tmp_path, {"_index.yaml": f"{HEAD}  - {entry}\n", "h.py": WORK})
    command.main(["validate", str(tmp_path)], standalone_mode=False)

    assert "app:n: at 02:30 on Monday through Friday, Europe/Berlin" in capsys.readouterr().out
