"""Ours: the example without its sleep, as it is and as it was, and a POST that only publishes."""

from __future__ import annotations

import compileall
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from benchmarks.subject import ROOT, Subject

SEED = ROOT / "examples" / "task-queue" / "src"
PUBLISH = ROOT / "benchmarks" / "applications" / "publish"
SLEEP = "    await asyncio.sleep(0.1)\n"

RUN = "runtime run {folder} --management off -o app:gateway:addr=127.0.0.1:{port}"
MANAGED = RUN.replace("--management off", "--management 127.0.0.1:0")
"""Counted, traced and with a page of its own, as a run is where nothing is said."""
BEFORE = "286b5134e9437bdaf32ffa6eab72910cb3d0c35f"
"""The commit before writes were done on the event loop: a goal is a share of what it needed."""
RUN_BEFORE = (  # `-m` finds the runtime in the folder where it is started
    "python -m runtime run {folder}/src -o app:gateway:addr=127.0.0.1:{port} "
    "-o app:db:file={folder}/data/tasks.db"
)
QUIET = "--log-level warning"
"""The example logs two lines a task. No peer does, so neither do we; one row has the cost."""
UNBOUNDED = (
    "-o app:tasks_queue:driver_options.memory.max_length=10000000 "
    "-o app:tasks_queue:driver_options.sql.max_length=10000000"
)
"""No peer bounds its queue, so ours must not refuse tasks either."""
FULL = "-o app:queue_driver:kind=queue.driver.sql -o app:queue_driver:database=app:db"
NORMAL = f"{FULL} -o app:queue_driver:durability=normal"
WIDE = "-o app:task_consumer:concurrency=64 -o app:task_consumer:prefetch=256"


def seed(folder: Path, source: Path = SEED) -> None:
    """Copy the example, without its simulated work."""
    shutil.copytree(source, folder / "src")
    handler = folder / "src" / "process_task.py"
    text = handler.read_text(encoding="utf-8")
    if SLEEP not in text:
        raise RuntimeError(f"{handler.name} no longer has the line '{SLEEP.strip()}'")
    handler.write_text(text.replace(SLEEP, ""), encoding="utf-8")
    # As after a first start: the peers' files are compiled too.
    compileall.compile_dir(folder, quiet=1)


def seed_before(folder: Path) -> None:
    """Unpack the runtime of `BEFORE` into the folder, with the example that it had."""
    parts = ["runtime", "schemas", "examples/task-queue/src"]
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", BEFORE, *parts], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    seed(folder, folder / "examples" / "task-queue" / "src")


def publish(folder: Path) -> None:
    shutil.copytree(PUBLISH, folder, dirs_exist_ok=True)


def publish_of_many(folder: Path) -> None:
    """Write the same application with 1,000 routes, half of them with a parameter."""
    publish(folder)
    with (folder / "_index.yaml").open("a", encoding="utf-8") as manifest:
        for n in range(998):
            path = f"/other/{n}/{{id}}" if n % 2 else f"/other/{n}"
            manifest.write(
                f"  - {{name: other{n}, kind: http.endpoint, meta: {{router: router}}, "
                f'method: POST, path: "{path}", func: create}}\n'
            )


def _seed(title: str, *options: str, run: str = RUN, durable: bool = False) -> Subject:
    return Subject(title, "ours", [" ".join((run, UNBOUNDED, *options))], seed, durable=durable)


MEMORY = _seed("memory", QUIET)
MEMORY_MANAGED = _seed("memory, management on", QUIET, run=MANAGED)
LOGGED = _seed("memory, with its log")
DURABLE = _seed("durable, full", QUIET, FULL, durable=True)
DURABLE_MANAGED = _seed("durable, full, management on", QUIET, FULL, run=MANAGED, durable=True)
DURABLE_NORMAL = _seed("durable, normal", QUIET, NORMAL, durable=True)
MEMORY_WIDE = _seed("memory, 64 at a time", QUIET, WIDE)
DURABLE_WIDE = _seed("durable, full, 64 at a time", QUIET, WIDE, FULL, durable=True)
DURABLE_BEFORE = Subject(
    "durable, full, before",
    "ours",
    [" ".join((RUN_BEFORE, UNBOUNDED, QUIET, FULL))],
    seed_before,
    durable=True,
    commit=BEFORE,
)
POST = Subject("only publishes", "ours", [f"{RUN} {QUIET}"], publish, works=False)
POST_MANAGED = Subject(
    "only publishes, management on", "ours", [f"{MANAGED} {QUIET}"], publish, works=False
)
POST_OF_MANY = Subject(
    "only publishes, 1,000 routes", "ours", [f"{RUN} {QUIET}"], publish_of_many, works=False
)

SUBJECTS = [
    POST,
    POST_MANAGED,
    POST_OF_MANY,
    MEMORY,
    MEMORY_MANAGED,
    LOGGED,
    DURABLE_NORMAL,
    DURABLE,
    DURABLE_MANAGED,
    DURABLE_BEFORE,
    MEMORY_WIDE,
    DURABLE_WIDE,
]
