"""A unique key, published by many at once in two programs on one file."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.blackbox import running, write_files

ROUNDS = int(os.environ.get("RELIABILITY_ROUNDS", "20"))
CLIENTS = 50

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: a.db}
          - {name: driver, kind: queue.driver.sql, database: db, lifecycle: {auto_start: true}}
          - {name: tasks, kind: queue.queue, driver: driver}
          - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - name: post
            kind: http.endpoint
            meta: {router: router}
            method: POST
            path: /{key}
            func: publish
          - {name: publish, kind: function.python, source: "file://h.py", modules: [http, queue]}
        """,
    "h.py": """
        from runtime.modules import queue

        async def main(request):
            key = request.path_params["key"]
            return {"id": await queue.publish("tasks", key, unique=key)}
        """,
}


@pytest.mark.slow
def test_of_many_who_publish_a_key_at_once_all_hear_of_the_one_message(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)
    with running(folder) as first, running(folder) as second, ThreadPoolExecutor(CLIENTS) as pool:
        for round in range(ROUNDS):
            asking = [
                pool.submit(site.ask, "POST", f"/{round}")
                for site in (first, second) * (CLIENTS // 2)
            ]
            replies = [future.result() for future in asking]

            assert {reply.status for reply in replies} == {200}
            assert len({reply.json["id"] for reply in replies}) == 1
        assert first.stop() == second.stop() == 0

    with closing(sqlite3.connect(folder / "a.db")) as connection:
        keys = connection.execute("SELECT unique_key FROM runtime_message ORDER BY seq").fetchall()
        length = connection.execute("SELECT length FROM runtime_queue").fetchone()
    assert keys == [(str(round),) for round in range(ROUNDS)]
    assert length == (ROUNDS,)
