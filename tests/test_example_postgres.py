"""The repository's example on PostgreSQL, by overrides alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.blackbox import FREE_PORT, running
from tests.support.example import complete, copy
from tests.support.postgres_schema import PostgresSchema


def test_the_example_keeps_its_tasks_and_its_queue_on_postgres(
    tmp_path: Path, postgres: PostgresSchema
) -> None:
    on_postgres = (
        "app:db:kind=db.sql.postgres",
        f"app:db:dsn={postgres.url}",
        "app:queue_driver:kind=queue.driver.sql",
        "app:queue_driver:database=app:db",
    )
    with running(copy(tmp_path), FREE_PORT, *on_postgres) as site:
        task = complete(site, {"action": "uppercase", "data": {"text": "hello"}})

        assert json.loads(task["result"]) == {"output": "HELLO"}
        assert postgres.execute("SELECT id FROM tasks") == [(task["id"],)]
        assert site.stop() == 0
        assert postgres.execute("SELECT count(*) FROM runtime_owner") == [(0,)]
        assert not list(tmp_path.rglob("*.db"))
