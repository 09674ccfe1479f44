"""An application with commands, and the real program that runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.blackbox import Ended, execute, write_files
from tests.support.program import Program

FILES = {
    "_index.yaml": """
        namespace: app
        entries:
          - {name: db, kind: db.sql.sqlite, file: a.db}
          - {name: schema, kind: db.migrations, database: db, directory: sql}
          - {name: absent, kind: db.sql.sqlite, file: no/such/folder/b.db}
          - {name: driver, kind: queue.driver.sql, database: db}
          - {name: tasks, kind: queue.queue, driver: driver}
          - {name: gateway, kind: http.service, addr: "1.2.3.4:80", lifecycle: {auto_start: true}}
          - {name: router, kind: http.router, meta: {server: gateway}}
          - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /,
             func: "file://broken.py#main"}
          - {name: add, kind: process.python, source: file://users.py, method: add,
             command: {name: add-user, help: Add a user.}}
          - {name: enqueue, kind: process.python, source: file://users.py, method: enqueue,
             command: {name: enqueue}}
          - {name: end, kind: process.python, source: file://ends.py, method: end,
             command: {name: end}}
          - {name: wait, kind: process.python, source: file://ends.py, method: wait,
             command: {name: wait}}
        """,
    "broken.py": "import nowhere\ndef main(): pass\n",
    "sql/0001_users.sql": "CREATE TABLE users (name TEXT PRIMARY KEY, age INTEGER);",
    "users.py": """
        from typing import Annotated

        from msgspec import Meta

        from runtime.modules import logger, queue
        from runtime.modules.sql import Database


        async def add(
            db: Annotated[Database, "app:db"],
            name: Annotated[str, Meta(min_length=2, description="Their name.")],
            age: int = 18,
            quiet: bool = False,
        ):
            \"\"\"Add a user.

            Prints how many there are.
            \"\"\"
            await db.execute("INSERT INTO users VALUES (?, ?)", (name, age))
            logger.info("added", name=name)
            if not quiet:
                print(len(await db.query("SELECT * FROM users")), "users")


        async def enqueue(numbers: list[int]):
            for number in numbers:
                await queue.publish("app:tasks", {"n": number})
        """,
    "ends.py": """
        import asyncio
        import sys
        import time

        from runtime.modules import process, sql


        def end(how: str, code: int = 0):
            match how:
                case "return":
                    return code
                case "exit":
                    sys.exit(code)
                case "say":
                    sys.exit("that is all")
                case "raise":
                    raise ValueError("bad luck")
                case "text":
                    return "done"
                case "sleep":
                    print("waiting", flush=True)
                    time.sleep(3600)
                case "list":
                    return []
                case "reach":
                    name = "app:" + "db"
                    sql.get(name)


        async def wait(how: str = "asleep"):
            print("waiting", flush=True)
            if how == "asleep":
                await asyncio.sleep(3600)
            elif how == "blocked":
                await asyncio.to_thread(time.sleep, 3600)
            else:
                await process.stopping()
                print("stopped")
                return 9
        """,
}


def application(folder: Path) -> Path:
    return write_files(folder, FILES)


def exec_in(folder: Path, *arguments: str) -> Ended:
    return execute("exec", "-C", str(folder), *arguments)


@contextmanager
def executing(folder: Path, *arguments: str) -> Iterator[Program]:
    """A command that runs, killed in the end."""
    command = [sys.executable, "-m", "runtime", "exec", "-C", str(folder), *arguments]
    program = Program(command, None, None)
    try:
        yield program
    finally:
        program.kill()
