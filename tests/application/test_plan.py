"""A plan says what a reload then does, over edits of each field that does something else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from runtime.application.plan import Action
from tests.support.changing import linked, served

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, prefix: /a, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: show}
  - {name: send, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: put}
  - {name: show, kind: function.python, source: file://h.py, method: show}
  - {name: put, kind: function.python, source: file://put.py, modules: [http, queue]}
  - {name: take, kind: function.python, source: file://h.py, method: take}
  - {name: db, kind: db.sql.sqlite, file: ":memory:", lifecycle: {auto_start: true}}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver, retry: {initial_delay: 1s}}
  - {name: other, kind: queue.queue, driver: driver}
  - {name: worker, kind: queue.consumer, queue: tasks, func: take, concurrency: 2, lifecycle: {auto_start: true}}
  - {name: host, kind: process.host, lifecycle: {auto_start: true}}
  - {name: poll, kind: process.python, source: file://h.py, method: poll}
  - {name: poller, kind: process.service, process: poll, host: host, lifecycle: {auto_start: true}}
  - {name: nightly, kind: schedule.cron, cron: "0 3 * * *", func: show, lifecycle: {auto_start: true}}
"""  # noqa: E501
EDITS = (
    ("prefix: /a", "prefix: /b"),
    ("method: GET, path: /,", "method: GET, path: /one,"),
    ("method: POST, path: /,", "method: PUT, path: /,"),
    ("path: /one, func: show", "path: /one, func: take"),
    ("path: /one, func: take", "path: /one, func: show"),
    ("initial_delay: 1s", "initial_delay: 2s"),
    ("initial_delay: 2s", "initial_delay: 2s, jitter: 0.2"),
    ("concurrency: 2", "concurrency: 3"),
    ("concurrency: 3", "concurrency: 3, timeout: 5s"),
    ("queue: tasks, func", "queue: other, func"),
    ("queue: other, func", "queue: tasks, func"),
    ("0 3 * * *", "0 4 * * *"),
    ("func: show, lifecycle", "func: take, lifecycle"),
    ("timeout: 5s, lifecycle: {auto_start: true}", "timeout: 5s"),
    ("timeout: 5s", "timeout: 5s, lifecycle: {auto_start: true}"),
    ("timeout: 5s, lifecycle: {", "timeout: 5s, lifecycle: {stop_timeout: 2s, "),
    ('file: ":memory:"', "file: ./a.db"),
    ("file: ./a.db", "file: ./b.db"),
    ("file: ./b.db", "file: ./b.db, busy_timeout: 2s"),
    ("method: poll}", "method: show}"),
    ("method: show}\n  - {name: poller", "method: poll}\n  - {name: poller"),
    ("kind: http.service,", "kind: http.service, max_connections: 50,"),
    ("max_connections: 50,", "max_connections: 50, drain_delay: 1ms,"),
    ("name: other,", "name: another,"),
    ("name: another,", "name: other,"),
    (
        "{name: driver, kind: queue.driver.memory}",
        "{name: driver, kind: queue.driver.memory, lifecycle: {start_timeout: 9s}}",
    ),
    ("  - {name: send,", "  # - {name: send,"),
    ("  # - {name: send,", "  - {name: send,"),
)


def versions() -> Iterator[tuple[str, str]]:
    """Each edit with the manifest after it and all before, and then all of them undone in turn."""
    texts = [MANIFEST]
    for old, new in EDITS:
        assert old in texts[-1], old
        texts.append(texts[-1].replace(old, new, 1))
        yield f"{old} -> {new}", texts[-1]
    for (old, new), text in zip(reversed(EDITS), reversed(texts[:-1]), strict=True):
        yield f"{new} -> {old}", text


def test_a_reload_does_what_the_plan_said(tmp_path: Path) -> None:
    asyncio.run(_reload_as_planned(tmp_path))


async def _reload_as_planned(tmp_path: Path) -> None:
    async with served(tmp_path, MANIFEST) as site:
        application = site.application
        for edit, text in versions():
            new = linked(tmp_path, text)
            before = dict(application.scope.components)
            planned = await application.plan(new)
            assert application.scope.components == before, edit
            services = {str(child.id) for child in site.children()}
            done = await application.apply(new, force=True)
            assert planned.changes == done.changes, edit
            assert done.done, edit
            after = application.scope.components
            running = {str(child.id) for child in site.children()}
            for change in done.changes:
                id = change.id
                if change.action is Action.KEEP:
                    assert after[id] is before[id], (edit, id)
                if change.action in (Action.REMOVE, Action.STOP) and id not in after:
                    assert str(id) not in running, (edit, id)
                if change.action is Action.START:
                    assert str(id) in running - services, (edit, id)
            assert not (await application.plan(new)).done, edit
