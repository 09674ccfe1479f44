"""The soak names what grows or fails, and only that; nothing here is timed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.soak import APPLICATION, posting, report
from benchmarks.soak.editing import EDITS, MANIFEST
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.look import Look
from benchmarks.soak.verdict import verdict
from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files

USUAL = {
    "cpu": 0.0,
    "rss": 50.0,
    "descriptors": 70,
    "threads": 12,
    "processes": 1,
    "wal": 4.0,
    "database": 2.0,
    "waiting": 5,
    "dead": 4,
    "kept": 3000,
    "p50": 2.0,
    "p99": 9.0,
    "lag": 1.0,
    "reload": 40.0,
    "oldest": 3.0,
    "requests": 1000,
    "accepted": 800,
    "done": 790,
    "twice": 0,
    "failures": 0,
    "reloads": 10,
    "clients": 100,
    "machine": 1.0,
}


def an_hour(seen: Callable[[int], dict[str, float]] = lambda n: {}) -> list[Look]:
    return [Look(10.0 * n, **(USUAL | seen(n))) for n in range(1, 361)]  # type: ignore[arg-type]


def bad(looks: list[Look]) -> list[str]:
    return [line.what.partition(",")[0] for line in verdict(looks) if not line.good]


def test_an_hour_in_which_nothing_grows_is_steady() -> None:
    assert bad(an_hour(lambda n: {"rss": 50 + n % 3, "p99": 9 + n % 5, "wal": n % 4})) == []


def test_what_grows_in_the_warm_up_only_is_no_growth() -> None:
    assert bad(an_hour(lambda n: {"rss": min(n, 80), "database": min(n, 90)})) == []


@pytest.mark.parametrize(
    ("what", "growing"),
    [
        ("memory", lambda n: {"rss": 50 + n / 60}),
        ("descriptors", lambda n: {"descriptors": 70 + n // 20}),
        ("threads", lambda n: {"threads": 12 + n // 50}),
        ("processes", lambda n: {"processes": 1 + n // 200}),
        ("journal", lambda n: {"wal": n / 10}),
        ("database", lambda n: {"database": 2 + n / 50}),
        ("messages kept", lambda n: {"kept": 10 * n}),
        ("messages waiting", lambda n: {"waiting": n}),
        ("dead letters", lambda n: {"dead": n}),
        ("p50", lambda n: {"p50": 2 + n / 150}),
        ("p99", lambda n: {"p99": 9 + n / 50}),
        ("reload", lambda n: {"reload": 40 + n / 10}),
        ("journal at most", lambda n: {"wal": 65.0 if n == 300 else 4.0}),
        ("oldest open task", lambda n: {"oldest": 31.0 if n == 300 else 4.0}),
        ("tasks done twice", lambda n: {"twice": n // 360}),
        ("failures", lambda n: {"failures": n // 360}),
    ],
)
def test_a_soak_names_what_grows(what: str, growing: Callable[[int], dict[str, float]]) -> None:
    assert bad(an_hour(growing)) == [what]


def test_what_grows_within_its_noise_is_no_growth() -> None:
    """A busy machine: windows of a minute differ by more than what the last third is slower."""

    def moody(n: int) -> dict[str, float]:
        return {"p99": (9.0 if n < 200 else 12.0) * (1 + 3 * (n // 24 % 2))}

    assert bad(an_hour(moody)) == []


def test_a_soak_that_is_too_short_has_no_verdict() -> None:
    text, good = report.conclude(an_hour()[:5])
    assert (text, good) == ("4 looks after the warm-up are too few for a verdict", False)


def test_looks_are_read_as_they_were_written(tmp_path: Path) -> None:
    looks = an_hour()
    report.write(looks, {}, tmp_path / "results" / "soak.json")
    assert report.read(tmp_path / "results" / "soak.json") == looks


def test_a_minute_and_its_head_have_the_same_columns() -> None:
    looks = an_hour()
    line = report.minute(looks[6:12], looks[5])
    assert len(line) == len(report.HEAD)


def test_the_ledger_keeps_a_task_open_until_it_has_a_row_and_counts_those_done_twice() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE done (number INTEGER PRIMARY KEY, times INTEGER, at REAL)")
    ledger = Ledger()
    for number in (1, 2, 3):
        ledger.accept(number, "plain", b"{}")
    connection.execute("INSERT INTO done VALUES (1, 1, 10.0), (3, 2, 11.0)")
    ledger.settle(connection)
    assert (list(ledger.open), ledger.done, ledger.twice) == ([2], 2, 1)

    connection.execute("INSERT INTO done VALUES (2, 1, 10.5)")
    ledger.settle(connection)
    assert (list(ledger.open), ledger.done, ledger.twice) == ([], 3, 1)
    connection.close()


def test_of_the_failing_tasks_half_never_work() -> None:
    kinds = [posting.kind(number) for number in range(1, 1001)]
    assert (kinds.count("never"), kinds.count("late")) == (10, 10)


@pytest.mark.parametrize("number", range(len(EDITS)))
def test_each_edit_has_findings_if_it_is_to_be_refused_and_else_none(
    number: int, tmp_path: Path
) -> None:
    edit = EDITS[number]
    before = {
        str(file.relative_to(APPLICATION)): file.read_text()
        for file in APPLICATION.rglob("*")
        if file.suffix in (".py", ".yaml", ".sql")
    }
    assert edit.changes.keys() <= before.keys()
    after = {name: edit.changes.get(name, str)(text) for name, text in before.items()}
    write_files(tmp_path, after)

    assert MANIFEST in before
    if edit.refused and "1 / 0" not in after["work.py"]:  # which only its import tells
        with pytest.raises(ManifestError):
            link(read(tmp_path), Registry())
    else:
        link(read(tmp_path), Registry())
