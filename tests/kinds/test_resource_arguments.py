"""Resources as arguments: of handlers, of processes, and of each other."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from runtime.exit_codes import ExitCode
from tests.support.blackbox import write_files
from tests.support.program import running, start

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://h.py#answer}
  - {name: post, kind: http.endpoint, method: POST, path: "/{id}", func: file://h.py#plain}
  - {name: host, kind: process.host}
  - name: service
    kind: process.service
    process: file://h.py#work
    input: [5, 6]
    lifecycle: {auto_start: true, stop_timeout: 1s}
  - name: client
    kind: resource.python
    source: file://r.py
    method: client
    options: {seconds: "2.5"}
  - {name: db, kind: db.sql.sqlite, file: ":memory:"}
  - {name: names, kind: resource.python, source: file://r.py, method: names}
"""
FILES = {
    "r.py": """
        from typing import Annotated
        from runtime.modules import sql
        from runtime.modules.sync import sql as blocking

        async def client(seconds: float, names: Annotated[list, "names"]):
            yield f"{names} {seconds}"

        def names(db: Annotated[blocking.BlockingDatabase, "db"]):
            yield [row["name"] for row in db.query("SELECT 'Ada' AS name")]
    """,
    "h.py": """
        from typing import Annotated
        from runtime.modules import process

        Client = Annotated[str, "app:client"]

        async def answer(client: Client):
            return client

        def plain(id: int, client: Client):
            return {"id": id, "client": client}

        async def work(first: int, client: Client, second: int):
            print(first, second, client, flush=True)
            await process.stopping()
    """,
}


def test_they_are_handed_in_by_annotation(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"_index.yaml": MANIFEST, **FILES})
    with running(folder) as program:
        program.wait_for_output("5 6 ['Ada'] 2.5\n")
        with urllib.request.urlopen(program.url(), timeout=10) as answer:
            assert answer.read() == b"['Ada'] 2.5"
        with urllib.request.urlopen(program.url("/7"), b"", timeout=10) as answer:
            assert json.load(answer) == {"id": 7, "client": "['Ada'] 2.5"}
        assert program.stop() == ExitCode.OK


def test_an_option_of_the_wrong_type_ends_the_start_with_its_place(tmp_path: Path) -> None:
    manifest = MANIFEST.replace('"2.5"', "soon")
    folder = write_files(tmp_path, {"_index.yaml": manifest, **FILES})
    program = start(folder)
    try:
        assert program.wait() == ExitCode.START_FAILED
    finally:
        program.kill()

    (line,) = program.messages
    assert line.endswith("r.py:5: 'seconds' does not fit: Expected `float`, got `str`")
