"""Visit: one program of the notes API, measured once at everything that its clients do."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import sleep

from benchmarks import load
from benchmarks.subject import Failed, Running, Subject, running
from benchmarks.visit import IDLE, WARM_UP

USER = {"name": "ada", "password": "analytical"}
NOTE = {"title": "Shopping", "text": "milk, two lemons and a loaf of the dark bread"}
REMINDING = {**NOTE, "remind_at": "2027-12-31T00:00:00Z"}
WRONG = {"title": "", "text": 7, "remind_at": "tomorrow", "more": 1}
LISTED = 20


@dataclass(frozen=True, slots=True)
class Work:
    """One request; `refused` if 422 is the answer."""

    title: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    refused: bool = False


WORKS = (
    Work("read a note", "GET", "/api/notes/{note}"),
    Work(f"list {LISTED} notes", "GET", f"/api/notes?limit={LISTED}"),
    Work("refuse a note with four mistakes", "POST", "/api/notes", WRONG, refused=True),
    Work("write a note", "POST", "/api/notes", NOTE),
)
"""In this order: the others find few notes in the table."""
REMIND = Work("write a note with a reminder", "POST", "/api/notes", REMINDING)
"""Not the same in both programs, so that no goal asks for it: a message in the note's transaction,
and a column that a task looks through."""


@dataclass(slots=True)
class Sample:
    """The figures of one visit: answers a second, and CPU µs of each, by the title of a work."""

    start: float
    rss: float
    """Megabytes when idle."""
    rates: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    loaded: float = 0.0
    """Megabytes after all work."""


def visit(subject: Subject, seconds: int, works: Sequence[Work] = (*WORKS, REMIND)) -> Sample:
    """Measure a program. Raises Failed if it answers anything else than it should."""
    with running(subject) as program:
        sleep(IDLE)
        sample = Sample(program.start, program.rss())
        client = _Client(program)
        notes = [client.ask("POST", "/api/notes", NOTE)["id"] for _ in range(LISTED)]
        for work in works:
            url = client.url(work.path.format(note=notes[0]))
            _measure(work, url, client.headers, program, seconds, sample)
        sample.loaded = program.rss()
    return sample


def _measure(
    work: Work, url: str, headers: Sequence[str], program: Running, seconds: int, sample: Sample
) -> None:
    body = "" if work.body is None else json.dumps(work.body)

    def ask(seconds: int) -> load.Load:
        return load.send(url, seconds, method=work.method, body=body, headers=headers)

    ask(WARM_UP)
    before = program.cpu()
    found = ask(seconds)
    used = program.cpu() - before
    right, wrong = (
        (found.refused, found.accepted) if work.refused else (found.accepted, found.refused)
    )
    if wrong or found.broken or not right:
        answers = f"{right:,} right answers, {wrong:,} wrong ones and {found.broken:,} none"
        raise Failed(f"'{work.title}' had {answers}")
    sample.rates[work.title] = right / found.seconds
    sample.cpu[work.title] = used / right * 1e6


class _Client:
    """A user who has signed up and logged in."""

    def __init__(self, program: Running) -> None:
        self._base = f"http://127.0.0.1:{program.port}"
        self.headers: Sequence[str] = ()
        self.ask("POST", "/api/users", USER)
        self.headers = (f"Authorization: Bearer {self.ask('POST', '/api/login', USER)['token']}",)

    def url(self, path: str) -> str:
        return self._base + path

    def ask(self, method: str, path: str, body: Mapping[str, object]) -> dict[str, str]:
        headers = dict(header.split(": ", 1) for header in self.headers)
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url(path), data, headers, method=method)
        with urllib.request.urlopen(request) as response:
            answer: dict[str, str] = json.loads(response.read() or b"{}")
        return answer
