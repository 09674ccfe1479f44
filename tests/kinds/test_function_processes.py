"""function.python with `processes`: its findings and notes, and its change while it runs."""

from __future__ import annotations

import asyncio
import io
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.engines.web.blocking_request import BlockingRequest
from runtime.findings.finding import ManifestError
from tests.support.hosting import GATEWAY, hosted, linked
from tests.support.processes import wait_for_end

ROUTE = """
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: work}
"""
ONE = GATEWAY + ROUTE + "  - {name: work, kind: function.python, source: file://h.py, processes: 1}"
FILES = {"h.py": "import os\n\ndef main():\n    return {'pid': os.getpid()}\n"}


def found(folder: Path, manifest: str, code: str) -> list[str]:
    with pytest.raises(ManifestError) as error:
        linked(folder, manifest, {"h.py": code})
    return [str(finding) for finding in error.value.findings]


def test_an_async_function_with_processes_is_a_finding(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, ONE, "async def main():\n    return 'a'\n")

    assert finding.endswith(
        "h.py:1:1: 'main' is an async function, and its 'processes' call a plain 'def'; write "
        "'def', or leave out 'processes'"
    )


def test_a_lifecycle_without_processes_is_a_finding(tmp_path: Path) -> None:
    manifest = ONE.replace("processes: 1", "lifecycle: {stop_timeout: 1s}")

    (finding,) = found(tmp_path, manifest, FILES["h.py"])

    assert "without 'processes', an entry of this kind does not run by itself" in finding


def test_a_consumer_with_more_messages_at_once_than_processes_is_a_note(tmp_path: Path) -> None:
    manifest = f"""{ONE}
  - {{name: memory, kind: queue.driver.memory}}
  - {{name: tasks, kind: queue.queue}}
  - name: consumer
    kind: queue.consumer
    queue: tasks
    func: work
    concurrency: 3
    lifecycle: {{auto_start: true}}
"""
    code = "def main(body=None):\n    return None\n"

    (note,) = linked(tmp_path, manifest, {"h.py": code}).notes

    assert "of 3 messages at once, those beyond the 1 processes of 'app:work' wait" in str(note)


def test_a_changed_number_starts_other_processes(tmp_path: Path) -> None:
    async def test() -> None:
        async with hosted(tmp_path, ONE, FILES) as application:
            before = (await application.get("/")).json()["pid"]

            await application.apply(ONE)
            assert (await application.get("/")).json()["pid"] == before
            await application.apply(ONE.replace("processes: 1", "processes: 2"))

            assert (await application.get("/")).json()["pid"] != before
            wait_for_end(before)

    asyncio.run(test())


def test_processes_may_be_given_up_while_it_runs(tmp_path: Path) -> None:
    async def test() -> None:
        async with hosted(tmp_path, ONE, FILES) as application:
            before = (await application.get("/")).json()["pid"]

            await application.apply(ONE.replace(", processes: 1", ""))

            assert (await application.get("/")).json()["pid"] != before
            wait_for_end(before)

    asyncio.run(test())


def test_a_request_is_sent_as_a_copy_with_its_body(tmp_path: Path) -> None:
    code = """
def main(request):
    host = request.headers["x-name"]
    query = dict(request.query_params)
    return {"body": request.json(), "path": request.path_params, "query": query, "name": host}
"""
    manifest = ONE.replace("method: GET, path: /,", 'method: POST, path: "/{id}",')

    async def test() -> None:
        async with hosted(tmp_path, manifest, {"h.py": code}) as application:
            answer = await application.get("/7?a=b", "x-name: c", method="POST", body=b"[1]")
            assert answer.json() == {
                "body": [1],
                "path": {"id": "7"},
                "query": {"a": "b"},
                "name": "c",
            }

    asyncio.run(test())


def test_an_argument_that_cannot_be_sent_is_named_and_the_log_says_what_to_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        code = """
from typing import Annotated
from runtime.modules.sync import sql

def main(db: Annotated[sql.BlockingDatabase, "db"]):
    return {}
"""
        manifest = f"{ONE}\n  - {{name: db, kind: db.sql.sqlite, file: a.db}}\n"
        async with hosted(tmp_path, manifest, {"h.py": code}) as application:
            assert (await application.get("/")).status == 500

    asyncio.run(test())

    assert "UnsentValue: an argument cannot be sent to its process: " in caplog.text
    assert "annotate the parameters with the values that the function needs" in caplog.text


def test_a_forgotten_await_fails_the_call_as_in_a_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        code = "from runtime.modules import queue\n\ndef main():\n"
        code += "    getattr(queue, 'info')('tasks')\n"
        manifest = f"{ONE}\n  - {{name: memory, kind: queue.driver.memory}}\n"
        manifest += "  - {name: tasks, kind: queue.queue}\n"
        async with hosted(tmp_path, manifest, {"h.py": code}) as application:
            assert (await application.get("/")).status == 500

    asyncio.run(test())

    assert "NotAwaited: " in caplog.text


def test_a_body_that_is_kept_in_a_file_is_sent_too() -> None:
    request: Any = SimpleNamespace(scope={"type": "http", "headers": [], "method": "POST"})
    copy = pickle.loads(pickle.dumps(BlockingRequest(request, io.BytesIO(b"[1]"))))

    assert copy.json() == [1]
