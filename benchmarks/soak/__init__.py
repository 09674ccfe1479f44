"""Soak: an application with all that users have, for hours, to find what grows and what fails.

It runs as `runtime run` runs it: durable, with management, metrics and traces. Tasks are posted at
a steady rate, some fail until they are dead, and are requeued or dropped by commands; schedules
fire each second; streams and WebSockets are held, and others come and go, some without a word; and
somebody edits code and manifest, not always rightly.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path
from time import monotonic

from benchmarks.soak import editing, following, operating, posting, report
from benchmarks.soak.client import Lost
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.look import Look, look
from benchmarks.soak.operating import TOKEN, Management
from benchmarks.subject import ROOT, Failed, Running, Subject, free_port, running

APPLICATION = ROOT / "benchmarks" / "applications" / "soak"
EVERY = 10.0
"""Seconds between two looks."""
LOG = 64 * 2**20
"""Bytes of the program's log, after which it begins anew."""


def soak(minutes: float, rate: int, file: Path = report.FILE) -> int:
    """Run, print a line a minute, and the verdict. Returns an exit code: 0 if all is steady."""
    # The program would inherit that `nohup` ignores it, and obey: a handler it does not inherit.
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    port = free_port()
    command = (
        "runtime run {folder} -o app:gateway:addr=127.0.0.1:{port} --log-level warning "
        f"--management 127.0.0.1:{port}"
    )
    subject = Subject("the soak", "ours", [command], _copy, variables={"RUNTIME_TOKEN": TOKEN})
    with running(subject) as program:
        print(f"{rate} tasks a second for {minutes:g} minutes\n\n{report.HEAD}", flush=True)
        ledger = Ledger()
        try:
            looks = asyncio.run(_watch(program, Management(port), ledger, minutes * 60, rate, file))
        except Failed as error:
            print(f"\nverdict: {error}")
            return 1
    text, good = report.conclude(looks)
    print(f"\n{text}")
    for what, count in ledger.failures.most_common(20):
        print(f"  {count} × {what}")
    print(f"written to {file}")
    return int(not good)


def _copy(folder: Path) -> None:
    shutil.copytree(APPLICATION, folder, dirs_exist_ok=True)


async def _watch(
    program: Running, management: Management, ledger: Ledger, seconds: float, rate: int, file: Path
) -> list[Look]:
    (family,) = program.families
    await management.ready()
    began = monotonic()
    load = [
        asyncio.create_task(each)
        for each in (
            posting.post(program.port, rate, ledger),
            following.follow(program.port, ledger),
            operating.operate(management, ledger),
            management.watch(ledger),
            editing.edit(program.folder, program.port, family.pid, management, ledger),
        )
    ]
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    load.append(asyncio.create_task(ending.wait()))
    looks: list[Look] = []
    last: Look | None = None
    shown = 0
    try:
        while (passed := monotonic() - began) < seconds and not ending.is_set():
            await asyncio.wait(
                load, timeout=min(EVERY, seconds - passed), return_when=asyncio.FIRST_COMPLETED
            )
            for task in load:
                if task.done():
                    task.result()  # raises
            if not family.running:
                log = (program.folder / "log.txt").read_text()
                raise Failed(f"the program ended:\n{log[-3000:]}")
            try:
                looks.append(look(family, program.file, ledger, monotonic() - began))
            except (OSError, sqlite3.Error) as error:
                ledger.fail(f"a look: {error!r}")
                continue
            if len(looks) - shown >= report.MINUTE / EVERY or looks[-1].seconds >= seconds:
                print(report.minute(looks[shown:], last), flush=True)
                shown, last = len(looks), looks[-1]
                report.write(looks, ledger.counted(), file)
                _trim(program.folder / "log.txt")
    finally:
        for task in load:
            task.cancel()
        await asyncio.wait(load)
    await _finish(program, management, ledger)
    looks.append(look(family, program.file, ledger, monotonic() - began))
    report.write(looks, ledger.counted(), file)
    return looks


async def _finish(program: Running, management: Management, ledger: Ledger) -> None:
    """Wait until each accepted task is done or dropped; those that are not are lost."""
    (family,) = program.families
    with suppress(TimeoutError, Lost, OSError, sqlite3.Error):
        async with asyncio.timeout(60):
            while ledger.open or ledger.doomed:
                await operating.see_to_letters(management, ledger)
                await asyncio.sleep(1)
                look(family, program.file, ledger, 0.0)
    for _ in (*ledger.open, *ledger.doomed):
        ledger.fail("a task is lost")


def _trim(log: Path) -> None:
    """Empty a long log; the program appends."""
    if log.stat().st_size > LOG:
        with log.open("r+b") as stream:
            stream.truncate(0)
