"""Benchmarks of queues on servers find their tools, run and show them; nothing is timed."""

from __future__ import annotations

import os

import pytest

from benchmarks.queues import comparison, ours_rabbitmq
from benchmarks.queues.entrant import Entrant, entrants
from benchmarks.queues.program import Figures, Phase, measure
from benchmarks.service import run
from tests.support.rabbitmq_vhost import RabbitMQVhost

A_PHASE = Phase(rate=1234.0, client=20.0, server=30.0)
FIGURES = Figures(A_PHASE, A_PHASE, A_PHASE)


def an_entrant(title: str, *packages: str) -> Entrant:
    return Entrant(title, "RabbitMQ", "benchmarks.none", list(packages), 10)


def test_each_file_declares_an_entrant() -> None:
    found = entrants()
    assert {"Celery", "Dramatiq", "oban-py", "Procrastinate"} < {each.title for each in found}
    assert {"PostgreSQL", "RabbitMQ"} <= {each.server for each in found}
    ours = [each.module for each in found if each.module.startswith("benchmarks.queues.ours_")]
    assert ours == [each.module for each in found[: len(ours)]]


def test_who_is_absent_stands_below_the_table_with_the_reason() -> None:
    here, absent = an_entrant("here"), an_entrant("absent", "no_such_package")
    reason = absent.missing()
    assert reason == "no no_such_package; pip install -e '.[bench]'"
    (table,) = comparison.tables([here, absent], {"here": [FIGURES]}, {"absent": reason})
    assert table.rows == [["here", "1,234", "1,234", "1,234", "20.0 + 30.0"]]
    assert table.note == f"absent: {reason}"


def test_a_tool_publishes_and_works_on_all_tasks(rabbitmq: RabbitMQVhost) -> None:
    figures = run(measure(ours_rabbitmq.Tool, rabbitmq.url, os.getpid(), 200))
    assert min(figures.publish.rate, figures.backlog.rate, figures.both.rate) > 0


def test_a_tool_that_fails_is_named_with_its_error() -> None:
    with pytest.raises(comparison.Failed, match=r"No module named 'benchmarks\.none'"):
        comparison.measure(an_entrant("broken"), "amqp://nowhere", os.getpid())
