"""Snapshot: the state of an application at one moment, as `/api/status` gives it.

The pulse makes one every 250 ms on the main loop and never changes it again, so that other threads
read it without a lock. Durations are seconds, times of day are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Tone = Literal["ok", "warn", "bad"]


class Lag(Struct, frozen=True):
    """Seconds by which the event loop is late with what is due."""

    now: float = 0.0
    max_15m: float = 0.0


class Blocked(Struct, frozen=True):
    """A handler that keeps the event loop from running anything else."""

    seconds: float
    entry: str | None = None
    """None if the code belongs to no entry: to the runtime, or to a task that a handler left."""
    where: str | None = None
    """`list_tasks.py:28`, relative to the application's folder."""


class Cause(Struct, frozen=True):
    """One reason for a verdict: what is wrong with which entry."""

    what: str
    """`blocked`, `failed`, `restarting`, `dead`, `backlog`, `full`, `paused`, `silent`,
    `requests`, `starting` or `reload`."""
    entry: str | None = None
    count: int = 0
    cause: str | None = None
    """The error in short: `TypeError@process_task.py:22`, or its text."""


class Verdict(Struct, frozen=True):
    """The state of the whole application in one sentence."""

    tone: Tone = "ok"
    say: str = "Everything runs."
    because: tuple[Cause, ...] = ()


class Occupancy(Struct, frozen=True):
    """The concurrent calls of a consumer: those at work, of those that there are."""

    busy: int
    of: int


class Load(Struct, frozen=True):
    """The clients of a server, those of their requests that are in progress, and of these the event
    streams and WebSockets.
    """

    connections: int
    requests: int
    streams: int = 0


class Threads(Struct, frozen=True):
    """The threads for `def` handlers of endpoints."""

    busy: int = 0
    of: int = 0
    waiting: int = 0
    """Calls that wait for a thread."""


class Connections(Struct, frozen=True):
    """The connections of a pool, and the calls that wait for one."""

    busy: int
    idle: int
    waiting: int


class Fires(Struct, frozen=True):
    """A schedule's planned times: the latest that was fired, and the one that comes next."""

    last: str | None = None
    """None if this program does not know of any."""
    next: str | None = None


class ServiceStatus(Struct, frozen=True):
    """One service under the supervisor."""

    id: str
    kind: str
    state: str
    """waiting, starting, running, stopping, stopped, exited or failed."""
    since: str
    """The time at which it entered this state."""
    attempt: int = 1
    restarts: int = 0
    """Restarts after a failure since the start of the program."""
    error: str | None = None
    """The last failure's text, if it failed since it was last ready."""
    where: str | None = None
    """The address that it serves, or what it waits for."""
    ready: bool = False
    unreachable: str | None = None
    """Why what it keeps or connects to cannot be reached, while it runs."""
    rejecting: str | None = None
    """Why a database has rejected a write in the last minute."""
    last_poll: float | None = None
    """Seconds for which the queue of a consumer has not answered; 0 while the consumer waits for
    the next message, None for other services.
    """
    workers: Occupancy | None = None
    """None for services other than consumers."""
    load: Load | None = None
    """None for services other than servers."""
    journal: int | None = None
    """Bytes of the write-ahead log of a SQLite database in a file; None for other services."""
    connections: Connections | None = None
    """None for services other than PostgreSQL databases."""
    leased: bool | None = None
    """True while a driver has a lease on its database; None for services that need none."""
    fires: Fires | None = None
    """None for services other than schedules."""


class QueueStatus(Struct, frozen=True):
    """One queue. A number is None if its store could not be asked."""

    id: str
    ready: int | None = None
    delayed: int | None = None
    running: int | None = None
    """Messages in the hands of consumers, of this program and others."""
    dead: int | None = None
    capped: bool = False
    """True if more than 10,000 are delayed: as ready count those that were not counted."""
    oldest: float | None = None
    """Age of the oldest ready message; None if there is none."""
    paused: bool = False
    in_rate: float = 0.0
    """Messages a second, over the last 60 s, that this program published."""
    out_rate: float = 0.0
    """Messages a second, over the last 60 s, that this program finished."""
    empty_in: float | None = None
    """Seconds until the backlog is gone at these rates; None if it grows or there is none."""
    max_length: int | None = None


class EndpointStatus(Struct, frozen=True):
    """One route: its traffic over the last 60 s, and its failures over 15 minutes."""

    id: str
    route: str
    """`POST /tasks`."""
    rate: float = 0.0
    p50: float | None = None
    p95: float | None = None
    failed_15m: int = 0
    """Responses of 500 and above."""


class WorkerStatus(Struct, frozen=True):
    """One process of `--workers`."""

    number: int
    pid: int
    age: float
    """Seconds since its last pulse."""
    rss: int = 0
    """Bytes."""


class Snapshot(Struct, frozen=True):
    """A whole application."""

    app: str
    """The name of its folder."""
    version: str
    """The version of the runtime."""
    pid: int
    started: str
    generation: int
    """1, and one more after each reload."""
    state: str
    """starting, running or stopping."""
    refused: tuple[str, ...] = ()
    """The findings for which the last reload was refused; empty once one was done."""
    refusals: int = 0
    """Reloads that were refused since the start."""
    age: float = 0.0
    """Seconds since this snapshot was taken, when it is handed out."""
    lag: Lag = Lag()
    blocked: Blocked | None = None
    verdict: Verdict = Verdict()
    services: tuple[ServiceStatus, ...] = ()
    queues: tuple[QueueStatus, ...] = ()
    endpoints: tuple[EndpointStatus, ...] = ()
    threads: Threads = Threads()
    workers: tuple[WorkerStatus, ...] = ()
    """Empty without `--workers`."""
