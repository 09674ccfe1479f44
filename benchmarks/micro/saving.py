"""Saving: from the save of a file to the first answer by it, under `runtime dev`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import quantiles
from time import perf_counter, sleep

from benchmarks.curve import Curve

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://web.py#get}
  - {name: entry, kind: registry.entry, number: 0}
"""
WEB = """
from runtime.modules import registry
from .rules import NUMBER

async def get():
    return str(NUMBER + registry.get("entry")["number"])
"""
RULES = "NUMBER = {}\n"
WANTED = 250.0
"""Milliseconds in which 19 of 20 saves are to be served."""
OTHERS = 200
"""Further files, which are looked at as well."""
SOON = 30.0


def measure(quick: bool) -> Iterator[Curve]:
    times = 10 if quick else 50
    rows: list[list[str | float]] = []
    figures = {}
    for name, file, text in (
        ("a handler's sibling", "rules.py", RULES.format),
        ("the manifest", "_index.yaml", lambda n: MANIFEST.replace("number: 0", f"number: {n}")),
    ):
        with tempfile.TemporaryDirectory() as folder, _developing(Path(folder)) as port:
            taken = _saves(Path(folder, file), text, port, times)
        cuts = quantiles(taken, n=20, method="inclusive")
        figures[name] = cuts[-1]
        rows.append([name, times, cuts[9], cuts[-1], max(taken)])
    yield Curve(
        "saving",
        "From a save to the first answer by it, under runtime dev: ms",
        ["save of", "saves", "p50", "p95", "longest"],
        rows,
        figures,
        f"among {OTHERS} other files, which are looked at every 100 ms; two looks must agree. "
        f"The goal is {WANTED:g} ms at p95",
    )


@contextmanager
def _developing(folder: Path) -> Iterator[int]:
    """The port of an application that is developed."""
    files = {"_index.yaml": MANIFEST, "web.py": WEB, "rules.py": RULES.format(0)}
    for number in range(OTHERS):
        files[f"other_{number}.py"] = "x = 1\n"
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "runtime", "dev", str(folder), "--management", "127.0.0.1:0"]
    program = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert program.stderr is not None
    try:
        for line in program.stderr:
            if found := re.search(r"ready in .*:(\d+)", line):
                os.set_blocking(program.stderr.fileno(), False)  # what follows fits into the pipe
                yield int(found[1])
                break
        else:
            raise RuntimeError("the application did not start")
    finally:
        program.terminate()
        program.wait(SOON)


def _saves(file: Path, text: Callable[[int], str], port: int, times: int) -> list[float]:
    """The milliseconds of each save, at moments that nothing is in step with."""
    client, chance, taken = HTTPConnection("127.0.0.1", port, timeout=SOON), Random(1), []
    for number in range(1, times + 1):
        sleep(chance.uniform(0.2, 0.4))
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text(number))
        began = perf_counter()
        beside.rename(file)
        while _answer(client) != number:
            if perf_counter() - began > SOON:
                raise RuntimeError(f"the save of {file.name} was not served")
            sleep(0.001)
        taken.append((perf_counter() - began) * 1_000)
    client.close()
    return taken


def _answer(client: HTTPConnection) -> int:
    client.request("GET", "/")
    return int(client.getresponse().read())
