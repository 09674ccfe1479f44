"""Descriptors: idle clients take all that two programs have, while messages are in hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.reliability import application
from tests.reliability.audit import check_log, settle
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, trial
from tests.support.blackbox import eventually
from tests.support.program import Program, running

NAME = "idle clients that take all descriptors of two programs, with messages in hand"
SHORT, LONG = Size(messages=8, times=1), Size(messages=16, times=8)
"""Messages in hand, and how often the clients come."""
LEASE = 1.0
DESCRIPTORS = 128
CLIENTS = 3 * DESCRIPTORS
OPTIONS = ("-o", f"app:driver:lease={LEASE:g}s", "-o", "app:driver:heartbeat=300ms")
UNLIMITED = ("-o", "app:gateway:max_connections=100000")
"""Of the second program, so that its clients do take the last descriptor."""
LIMITED = ["sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "$@"', "sh"]


def run(folder: Path, size: Size, seed: int) -> Outcome:
    with trial(NAME, folder, size, seed) as t:
        application.write(folder)
        accepted: list[str] = []
        with (
            running(folder, *OPTIONS, inside=LIMITED) as first,
            running(folder, *OPTIONS, *UNLIMITED, inside=LIMITED) as second,
        ):
            for _ in range(size.times):
                bodies = [{"n": n, "sleep": 3 * LEASE} for n in range(size.messages)]
                begun = [id for body in bodies if (id := post(first.port, **body))]
                assert len(begun) == size.messages
                eventually(lambda begun=begun: all(application.starts(folder)[id] for id in begun))
                with idle_clients(first, second):
                    until = monotonic() + 2 * LEASE
                    eventually(lambda until=until: monotonic() > until)
                accepted += begun
                settle(folder, accepted)
                eventually(lambda: served_again(first) and served_again(second))
            assert first.stop() == second.stop() == 0
            for program in (first, second):
                check_log(program)
                assert not [text for text in program.messages if "dead program" in text]
                assert not [text for text in program.messages if "lease expired" in text]
        t.outcome.accepted = len(accepted)
        t.outcome.twice = application.twice(folder)
        assert t.outcome.twice == 0
    return t.outcome


@contextmanager
def idle_clients(*programs: Program) -> Iterator[None]:
    """More clients of each program than it has descriptors, that send nothing."""
    clients = []
    try:
        for program in programs:
            for _ in range(CLIENTS):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", program.port))
                clients.append(client)
        yield
    finally:
        for client in clients:
            client.close()


def served_again(program: Program) -> bool:
    """True if a client gets an answer."""
    try:
        with socket.create_connection(("127.0.0.1", program.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return client.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False
