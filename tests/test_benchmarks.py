"""The benchmarks find what they measure, and report it correctly; nothing here is timed."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks import goals, ours, page, report, results
from benchmarks.curve import Curve
from benchmarks.limits import programs
from benchmarks.micro import arguments, memory
from benchmarks.results import Results, Round
from benchmarks.service import run
from benchmarks.subject import peers
from benchmarks.table import figure, spread
from benchmarks.visit import Sample
from tests.support.blackbox import execute

SAMPLE = Sample(start=0.2, rss=40.0, pss=30.0, posts=5000.0, p50=1.0, p99=4.0)
MEMORY = ours.MEMORY.title
BY_HAND = programs.MEMORY.title


def a_run(*rates: float, peer: float = 1000.0, cpu: float = 100.0) -> Results:
    """A run whose rounds differ in the rate of the example."""
    rounds = [
        Round(
            {
                BY_HAND: replace(SAMPLE, tasks=20_000.0, cpu_task=50.0),
                MEMORY: replace(SAMPLE, tasks=rate, cpu_task=cpu),
                "a peer": replace(SAMPLE, tasks=peer, cpu_task=400.0, missing=7),
            },
            {"sqlite3, a row a transaction, NORMAL": 10_000.0},
        )
        for rate in rates
    ]
    places = {
        "limit": [BY_HAND],
        "ours": [MEMORY],
        "in process": ["a peer", "an absent one"],
    }
    limits = {title: BY_HAND for titles in places.values() for title in titles}
    absent = {"an absent one": "no redis-server"}
    curve = Curve("memory", "Memory", ["waiting", "µs"], [[1, 2.0]], {"message": 4.5, "flat": 1.0})
    settings = {
        "rounds": len(rates),
        "seconds": 2,
        "places": places,
        "answering": [],
        "limits": limits,
    }
    return Results(results.environment(), settings, rounds, absent, [curve])


def verdict_of(found: Results, wanted: str) -> str:
    return next(row[2] for row in goals.table(found).rows if wanted in row[1])


def test_every_peer_declares_itself_without_being_imported() -> None:
    titles = [peer.title for peer in peers()]

    assert len(titles) == len({*titles}) > 5
    assert {peer.place for peer in peers()} == {"in process", "brokered", "no work"}
    for peer in peers():
        assert peer.commands[0].startswith("python -m uvicorn benchmarks.peers."), peer.title


def test_the_seed_is_measured_without_its_sleep(tmp_path: Path) -> None:
    ours.seed(tmp_path)
    handler = (tmp_path / "src" / "process_task.py").read_text(encoding="utf-8")

    assert "sleep(" not in handler
    assert "run_with" in handler


def test_the_application_of_many_routes_is_valid(tmp_path: Path) -> None:
    ours.publish_of_many(tmp_path)

    assert execute("validate", str(tmp_path)).code == 0
    manifest = (tmp_path / "_index.yaml").read_text(encoding="utf-8")
    assert manifest.count("kind: http.endpoint") == 1_000


def test_the_part_of_the_memory_queue_fits_the_queue_as_it_is() -> None:
    assert run(memory._through(3, 50)) > 0


def test_the_handler_of_that_part_is_called_in_a_context_of_its_own() -> None:
    number: ContextVar[int] = ContextVar("number", default=0)
    found: list[int] = []

    class Looking(memory.Function):
        async def handle(self, body: object) -> None:
            found.append(number.get())
            number.set(1)

    class Subject:
        log_ids: ClassVar[dict[str, object]] = {}

    async def call_twice() -> None:
        function = Looking(2)
        for _ in range(2):
            await function.call(Subject(), {})

    run(call_twice())

    assert found == [0, 0]


@pytest.mark.parametrize(("rate", "said"), [(2_800.0, "met"), (2_799.0, "NOT MET")])
def test_a_goal_is_met_at_its_bound_and_not_below(rate: float, said: str) -> None:
    assert verdict_of(a_run(rate), "2.8 × the best peer") == said


@pytest.mark.parametrize(("cpu", "said"), [(85.0, "met"), (85.1, "NOT MET")])
def test_a_goal_is_met_at_its_bound_and_not_above(cpu: float, said: str) -> None:
    assert verdict_of(a_run(1.0, cpu=cpu), "1.7 × by hand") == said


def test_a_goal_goes_by_the_median_of_ratios_within_a_round() -> None:
    assert verdict_of(a_run(1.0, 4_000.0, 9_000.0), "2.8 × the best peer") == "met"
    assert verdict_of(a_run(1.0, 2.0, 9_000.0), "2.8 × the best peer") == "NOT MET"


def test_a_goal_without_figures_is_not_called_met() -> None:
    assert verdict_of(a_run(1.0), "12 × the best peer") == "not measured"


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = a_run(1.0, 2.0)
    found.write(tmp_path / "run.json")

    assert results.read(tmp_path / "run.json") == found


def test_a_run_that_is_absent_or_not_ours_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    with pytest.raises(ValueError, match="make bench"):
        results.read(file)
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="another version"):
        results.read(file)


def test_an_absent_subject_and_tasks_that_were_not_done_are_reported_in_their_row() -> None:
    rows = next(report.tables(a_run(1.0))).rows

    assert [row[0] for row in rows] == [
        BY_HAND,
        MEMORY,
        "a peer (7 not done)",
        "an absent one: no redis-server",
    ]


def test_each_row_has_its_processor_time_over_that_of_its_limit() -> None:
    table = next(report.tables(a_run(1.0, 2.0)))
    over = table.heads.index("× limit")

    assert [row[over] for row in table.rows] == ["1.00", "2.00", "8.00", "-"]


def test_a_run_without_its_limit_has_no_ratio() -> None:
    found = a_run(1.0)
    del found.rounds[0].samples[BY_HAND]
    table = next(
        report.tables(replace(found, settings={**found.settings, "places": {"ours": [MEMORY]}}))
    )

    assert [row[table.heads.index("× limit")] for row in table.rows] == ["-"]
    assert verdict_of(found, "1.7 × by hand") == "not measured"


def test_the_page_keeps_the_text_around_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = page.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "performance.md"
    copy.write_text(real, encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", copy)
    page.write(a_run(6_000.0))
    page.write(a_run(7_000.0))
    text = copy.read_text(encoding="utf-8")

    assert text.startswith(real.partition(page.BEGIN)[0])
    assert text.endswith(real.partition(page.END)[2])
    assert "| 7,000 |" in text
    assert "| 6,000 |" not in text


def test_figures_keep_the_digits_that_matter() -> None:
    assert [figure(value) for value in (0.128, 12.34, 1234.5, None)] == [
        "0.13",
        "12.3",
        "1,234",
        "-",
    ]
    assert spread([3.0, None, 1.0, 2.0]) == "2.00 (1.00–3.00)"


def test_requests_whose_arguments_are_timed_are_answered() -> None:
    (curve,) = arguments.measure(quick=True)  # which raises if they are not

    assert [row[0] for row in curve.rows] == ["body of a POST", "three parameters of a query"]
