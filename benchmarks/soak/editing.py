"""Editing: somebody who changes code and manifest of the running program, and errs at times."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic

from benchmarks.soak.client import Client, Lost
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.operating import Management

BETWEEN = 25.0
"""Seconds from one reload to the next."""
SOON = 60.0
MANIFEST = "_index.yaml"

Change = Callable[[str], str]


def replace(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return change


def add(lines: str) -> Change:
    return lambda text: text + lines


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of files as they were at the start; `refused` if the program ought to refuse them."""

    changes: Mapping[str, Change]
    refused: bool = False


MORE = """
  - {name: more, kind: queue.queue, driver: driver}
  - {name: taker, kind: queue.consumer, queue: more, func: file://live.py#beat, lifecycle: {auto_start: true}}
  - {name: often, kind: schedule.cron, every: 1s, queue: more}
  - {name: again, kind: http.endpoint, method: GET, path: /again, func: file://web.py#version}
"""  # noqa: E501
FUNCTION = "\n\nasync def unused():\n    return 1\n"

EDITS = (
    Edit({}),
    Edit({MANIFEST: replace("concurrency: 8", "concurrency: 12")}),
    Edit({"work.py": add("\n1 / 0\n")}, refused=True),
    Edit({"web.py": add(FUNCTION), "live.py": add(FUNCTION)}),
    Edit({MANIFEST: add(MORE)}),
    Edit({"live.py": add("\ndef (:\n")}, refused=True),
    Edit({"square.py": replace("n * n", "n ** 2")}),
    Edit({MANIFEST: replace("{max_attempts: 3}", "{max_attempts: 3, max_requeues: 5}")}),
    Edit({MANIFEST: replace("queue: tasks", "queue: task")}, refused=True),
    Edit({MANIFEST: replace("every: 5s", "every: 4s")}),
    Edit({MANIFEST: replace("archive.db}", "archive.db, busy_timeout: 6s}")}),
    Edit({MANIFEST: replace("timeout: 20s", "timeout: 25s")}),
)
"""Each but those that are refused has a new version of the rules too, which tells that it is in
use; and each ends what the one before it did."""


async def edit(folder: Path, port: int, pid: int, management: Management, ledger: Ledger) -> None:
    """Change something, have the program reload, and look what came of it, until cancelled."""
    before = await asyncio.to_thread(_sources, folder)
    for version, each in enumerate(cycle(EDITS), 1):
        await asyncio.sleep(BETWEEN)
        for file, text in before.items():
            _write(file, each.changes.get(file.name, str)(text))
        if not each.refused:
            (folder / "rules.py").write_text(f"VERSION = {version}\n")
        try:
            if each.refused or version % 2:
                await _ask(management, each, ledger)
            else:
                os.kill(pid, signal.SIGHUP)
            if not each.refused:
                await _until(port, version)
        except (Lost, TimeoutError) as error:
            ledger.fail(f"reload {version}, edit {EDITS.index(each) + 1}: {error!r}")


def _sources(folder: Path) -> dict[Path, str]:
    """The files that are edited: all but the rules, which have versions."""
    files = (folder / MANIFEST, *sorted(folder.glob("*.py")))
    return {file: file.read_text() for file in files if file.name != "rules.py"}


def _write(file: Path, text: str) -> None:
    """Leave a file alone that is so already."""
    if file.read_text() != text:
        file.write_text(text)


async def _ask(management: Management, change: Edit, ledger: Ledger) -> None:
    asked = monotonic()
    status, answer = await management.reload()
    if status != (409 if change.refused else 200):
        ledger.fail(f"reload: {status} {answer[:300]!r}")
    elif change.refused:
        ledger.refused += 1
    else:
        ledger.reloads.append(monotonic() - asked)
        assert json.loads(answer)["changes"]


async def _until(port: int, version: int) -> None:
    """Wait until the program answers with that version of the rules."""
    async with asyncio.timeout(SOON):
        client = await Client.connect(port)
        answer = b""
        while json.loads(answer or b"{}") != {"version": version}:
            await asyncio.sleep(0.05)
            _, answer = await client.ask("GET", "/version")
        client.close()
