"""Migration: a oneshot process succeeds, fails, or is killed halfway, and is run again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import check_log, settle, table
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.program import running

NAME = "a migration that succeeds, fails, or is killed halfway"
SHORT = Size(times=3)
LONG = Size(times=40)
"""The number of runs that are killed."""

ENTRIES = """
  - {name: host, kind: process.host}
  - name: migrate
    kind: process.python
    source: file://migrate.py
    modules: [sql]
  - name: migration
    kind: process.service
    process: migrate
    host: host
    type: oneshot
    lifecycle: {auto_start: true, requires: [db]}
"""
MIGRATE = """
import asyncio, os
from runtime.modules import sql

STEPS = 10

async def main():
    db = sql.get("db")
    for step in range(STEPS):
        async with db.transaction() as tx:
            await tx.execute(f"CREATE TABLE IF NOT EXISTS step{step} (n INTEGER PRIMARY KEY)")
            await tx.execute(f"INSERT INTO step{step} VALUES (1) ON CONFLICT DO NOTHING")
        print(step, flush=True)
        await asyncio.sleep(0.02)
    return int(os.environ.get("RETURN", "0"))
"""


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """Services that come after the migration start only once it has succeeded."""
    with trial(NAME, folder, size, seed) as t:
        kills = [t.chance.randrange(10) for _ in range(size.times)]
        with ThreadPoolExecutor(2) as pool:
            t.outcome.accepted = sum(
                pool.map(
                    lambda pair: migrate(folder / str(pair[0]), pair[1]), enumerate([None, *kills])
                )
            )
    return t.outcome


def migrate(folder: Path, killed_after: int | None) -> int:
    """Fail, or be killed after a step; then run again and succeed. Returns accepted messages."""
    application.write(folder, more=ENTRIES)
    (folder / "migrate.py").write_text(MIGRATE)
    if killed_after is None:
        with running(folder, ready=False, env={"RETURN": "3"}) as program:
            assert program.wait() == 4
            assert "app:migration" in program.stderr
    else:
        with running(folder, ready=False) as program:
            program.wait_for_output(str(killed_after))
            program.kill()
    assert not [text for text in program.messages if "app:worker is running" in text]
    assert not [text for text in program.messages if "app:gateway is running" in text]
    with running(folder) as program:
        order = [line["entry"] for line in program.log if "entry" in line]
        assert order.index("app:migration") < order.index("app:worker")
        assert order.index("app:migration") < order.index("app:gateway")
        for step in range(10):
            assert table(folder, f"SELECT * FROM step{step}") == [(1,)]
        id = post(program.port, n=1)
        assert id is not None
        settle(folder, [id])
        assert program.stop() == 0
        check_log(program)
    return 1
