"""The machine as `runtime doctor` sees it, with limits that this one does not have."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from runtime.findings.remark import State
from runtime.program import machine


@pytest.mark.parametrize(
    ("hard", "state"),
    [
        (resource.RLIM_INFINITY, State.OK),
        (1024, State.OK),
        (1023, State.WARNING),
        (32, State.WARNING),
        (31, State.FAILURE),
    ],
)
def test_too_few_files_are_told_before_a_start_fails(
    hard: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (16, hard))
    (found,) = [each for each in machine.examine_machine() if "open files" in each.text]

    assert found.state is state
    assert (found.hint is None) is (state is State.OK)


@pytest.mark.parametrize(
    ("written", "text", "state"),
    [
        ("134217728\n", "128 MiB of memory", State.WARNING),
        ("536870912\n", "512 MiB of memory", State.OK),
        ("max\n", "GiB of memory", State.OK),
    ],
)
def test_a_container_s_memory_counts(tmp_path: Path, written: str, text: str, state: State) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(written)
    (found,) = [each for each in machine.examine_machine(limit) if "memory" in each.text]

    assert text in found.text
    assert found.state is state


def test_an_old_sqlite_keeps_it_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sqlite3, "sqlite_version_info", (3, 34, 1))
    (found,) = [each for each in machine.examine_machine() if "SQLite" in each.text]

    assert (found.state, found.text) == (State.FAILURE, "SQLite 3.34.1 is too old")
    assert found.hint == "use a Python that has 3.35.0 or later"


@pytest.mark.parametrize(("answer", "state"), [(0, State.OK), (5, State.WARNING)])
def test_a_clock_that_nothing_sets_is_told(
    answer: int, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_adjtimex", lambda: answer)
    (found,) = [each for each in machine.examine_machine() if "clock" in each.text]
    assert found.state is state


def test_where_the_clock_cannot_be_asked_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_adjtimex", lambda: None)
    assert [each for each in machine.examine_machine() if "clock" in each.text] == []
