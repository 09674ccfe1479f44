"""The verdict: one sentence by rules, the worst first."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runtime.engines.management.snapshot import (
    Blocked,
    EndpointStatus,
    Occupancy,
    QueueStatus,
    Snapshot,
)
from runtime.engines.management.verdict import Deaths, number, verdict
from tests.support.night import SNAPSHOT, service

QUIET = replace(SNAPSHOT, queues=(), endpoints=())
CALM = QueueStatus("app:tasks", ready=3, delayed=0, running=1, dead=0)


def with_queue(**fields: object) -> Snapshot:
    return replace(QUIET, queues=(replace(CALM, **fields),))


def test_what_runs_well_is_said_to() -> None:
    assert verdict(QUIET, {}).say == "Everything runs."
    assert verdict(QUIET, {}).tone == "ok"


def test_the_night_is_told_as_one_would_tell_it() -> None:
    told = verdict(SNAPSHOT, {"app:tasks_queue": Deaths(3, "TypeError@process_task.py:22")})

    assert told.say == (
        "Everything runs. Three messages died in the last 15 minutes, and app:tasks_queue is "
        "catching up."
    )
    assert told.tone == "warn"
    assert [cause.what for cause in told.because] == ["dead", "backlog"]
    assert told.because[0].cause == "TypeError@process_task.py:22"


SENTENCES = {
    "blocked": (
        replace(QUIET, blocked=Blocked(3.1, "app:list_tasks", "list_tasks.py:28")),
        "bad",
        "The event loop is blocked: app:list_tasks has kept it for 3.1 s at list_tasks.py:28.",
    ),
    "late": (
        replace(QUIET, age=5.0),
        "bad",
        "The event loop has not answered for 5 s.",
    ),
    "failed": (
        replace(QUIET, services=(service("app:db", "db.sql.sqlite", state="failed", error="no"),)),
        "bad",
        "app:db has failed: no.",
    ),
    "cut off": (
        replace(QUIET, services=(service("app:driver", "queue.driver.sql", unreachable="no"),)),
        "bad",
        "app:driver is cut off: no.",
    ),
    "rejecting": (
        replace(QUIET, services=(service("app:db", "db.sql.sqlite", rejecting="disk full"),)),
        "bad",
        "Everything runs. app:db has rejected writes in the last minute: disk full.",
    ),
    "restarting": (
        replace(QUIET, services=(service("app:db", "db", state="starting", attempt=3),)),
        "bad",
        "app:db is being started again, attempt 3.",
    ),
    "silent": (
        replace(
            QUIET,
            services=(
                service("app:work", "queue.consumer", last_poll=31.0, workers=Occupancy(0, 2)),
            ),
        ),
        "bad",
        "app:work has not asked its queue for 31 s.",
    ),
    "full": (
        with_queue(ready=990, delayed=6, running=4, max_length=1000),
        "bad",
        "Everything runs. app:tasks is full (1,000 messages), so publishers are refused.",
    ),
    "paused": (
        with_queue(paused=True),
        "warn",
        "Everything runs. app:tasks is paused with three messages waiting.",
    ),
    "growing": (
        with_queue(ready=500, in_rate=30.0, out_rate=10.0),
        "warn",
        "Everything runs. app:tasks grows by 20 messages a second.",
    ),
    "requests": (
        replace(QUIET, endpoints=(EndpointStatus("app:get", "GET /", failed_15m=12),)),
        "warn",
        "Everything runs. Twelve requests failed in the last 15 minutes.",
    ),
    "starting": (
        replace(QUIET, state="starting", services=(service("app:db", "db", ready=False),)),
        "warn",
        "The application is starting: 0 of 1 services are ready.",
    ),
    "stopping": (replace(QUIET, state="stopping"), "warn", "The application is stopping."),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_each_rule_has_its_sentence(name: str) -> None:
    snapshot, tone, say = SENTENCES[name]
    told = verdict(snapshot, {})

    assert told.say == say
    assert told.tone == tone


def test_a_consumer_whose_workers_are_all_busy_is_not_silent() -> None:
    busy = service("app:work", "queue.consumer", last_poll=600.0, workers=Occupancy(2, 2))

    assert verdict(replace(QUIET, services=(busy,)), {}).say == "Everything runs."


def test_the_worst_comes_first() -> None:
    worst = replace(
        with_queue(paused=True),
        blocked=Blocked(2.0),
        services=(service("app:db", "db.sql.sqlite", state="failed"),),
    )
    told = verdict(worst, {"app:tasks": Deaths(1)})

    assert told.tone == "bad"
    assert told.say.startswith("The event loop is blocked")
    assert [cause.what for cause in told.because] == ["blocked", "failed", "dead", "paused"]


def test_small_numbers_are_words() -> None:
    assert [number(count, "message") for count in (0, 1, 12, 1204)] == [
        "no messages",
        "one message",
        "twelve messages",
        "1,204 messages",
    ]
