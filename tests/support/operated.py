"""Operated: an application for the commands that look into queues, running or stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.blackbox import Ended, execute, write_files
from tests.support.managing import ANY_PORT
from tests.support.program import Program, running

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: data/a.db}
          - {name: driver, kind: queue.driver.sql, database: db}
          - name: tasks
            kind: queue.queue
            driver: driver
            retention: 1h
            dead_letter: {max_attempts: 1}
          - name: worker
            kind: queue.consumer
            queue: tasks
            func: file://tasks.py#work
            lifecycle: {auto_start: true}
          - name: nightly
            kind: schedule.cron
            cron: "30 2 * * *"
            zone: Europe/Berlin
            queue: tasks
            body: {}
            lifecycle: {auto_start: true}
          - {name: memory, kind: queue.driver.memory}
          - {name: brief, kind: queue.queue, driver: memory}
        """,
    "tasks.py": """
        from runtime.modules import logger

        async def work(task: dict):
            if "fail" in task:
                raise ValueError(task["fail"])
            logger.info("worked")
            return {"ok": True}
        """,
}
TASKS = "app:tasks"


class Operated:
    """An application in a folder. The commands are told the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_files(folder, FILES)

    @contextmanager
    def running(self) -> Iterator[Program]:
        """The application, which can be asked."""
        without = {"OTEL_TRACES_SAMPLER": "always_off"}  # one in a hundred messages has its trace
        with running(self.folder, "--management", ANY_PORT, env=without) as program:
            program.wait_for("management: http")  # what is asked before goes to the database
            yield program

    def run(self, *words: str, **options: Any) -> Ended:
        """A command, such as `dead`, `ls`."""
        return execute(*words, "-C", str(self.folder), **options)

    def ask(self, *words: str) -> Any:
        """The JSON that a command prints."""
        ended = self.run(*words, "--json")
        assert (ended.code, ended.err) == (0, "")
        return json.loads(ended.out)

    def publish(self, body: object, *options: str) -> str:
        """Publish to `app:tasks`; returns the id."""
        ended = self.run("queue", "publish", TASKS, json.dumps(body), *options)
        assert ended.code == 0
        assert not ended.err or ended.err.startswith("made the database 'app:db' in ")
        return ended.out.strip()

    def lengths(self) -> dict[str, Any]:
        """`app:tasks` as `queue ls` has it."""
        ended = execute("queue", "ls", str(self.folder), "--json")
        found = {each["id"]: each for each in json.loads(ended.out)}
        assert isinstance(found[TASKS], dict)
        return found[TASKS]
