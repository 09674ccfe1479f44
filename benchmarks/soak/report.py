"""Report: the looks of a soak as a file, a line a minute, and a verdict in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.results import LATEST, environment
from benchmarks.soak.look import Look
from benchmarks.soak.verdict import verdict, warm_up

FILE = LATEST.with_name("soak.json")
MINUTE = 60.0
HEAD = (
    "  min  RSS MiB  fds  thr  proc  WAL MiB  DB MiB  waiting  dead    kept  p50 ms  p99 ms"
    "  late ms  reload ms  done/s  cpu %  clients  failed  load"
)


def minute(looks: Sequence[Look], before: Look | None) -> str:
    """Resources as they are now, and latencies since the last line."""
    now = looks[-1]
    since = before.seconds if before else 0.0
    passed = max(now.seconds - since, 1e-9)
    done = (now.done - (before.done if before else 0)) / passed
    cpu = 100 * (now.cpu - before.cpu) / passed if before else 0.0
    p50, p99, lag, reload = (
        median(getattr(look, name) for look in looks) for name in ("p50", "p99", "lag", "reload")
    )
    return (
        f"{now.seconds / MINUTE:>5.1f} {now.rss:>8.1f} {now.descriptors:>4} {now.threads:>4} "
        f"{now.processes:>5} {now.wal:>8.1f} {now.database:>7.1f} {now.waiting:>8,} "
        f"{now.dead:>5} {now.kept:>7,} {p50:>7.2f} {p99:>7.2f} {lag:>8.2f} {reload:>10.1f} "
        f"{done:>7.1f} {cpu:>6.1f} {now.clients:>8,} {now.failures:>7} {now.machine:>5.1f}"
    )


def write(looks: Sequence[Look], counted: Mapping[str, object], file: Path = FILE) -> None:
    """Replace the file, so that a soak that is broken off has its looks up to the last minute."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "environment": environment(),
        "counted": counted,
        "looks": [asdict(look) for look in looks],
    }
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(whole), encoding="utf-8")
    new.replace(file)


def read(file: Path) -> list[Look]:
    return [Look(**look) for look in json.loads(file.read_text(encoding="utf-8"))["looks"]]


def conclude(looks: Sequence[Look]) -> tuple[str, bool]:
    """The verdict as text, and True if nothing grows and nothing failed."""
    try:
        lines = verdict(looks)
    except ValueError as error:
        return str(error), False
    final = looks[-1]
    busy = median(look.machine for look in looks)
    head = (
        f"{final.seconds / MINUTE:.0f} minutes, of which {warm_up(final.seconds) / MINUTE:.0f} are "
        f"the warm-up: {final.requests:,} requests, {final.accepted:,} tasks, {final.reloads} "
        f"reloads, {final.clients:,} streams and sockets that came and went. Medians of the first "
        f"and the last third of the rest; the load of the machine was {busy:.1f}."
    )
    good = all(line.good for line in lines)
    told = "steady" if good else ", ".join(line.what for line in lines if not line.good)
    return "\n".join((head, "", *map(str, lines), "", f"verdict: {told}")), good
