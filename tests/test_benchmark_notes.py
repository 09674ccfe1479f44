"""The notes API beside FastAPI: both answer alike; their lines and concepts are counted right."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.micro import notes
from benchmarks.notes.programs import EXAMPLE, FASTAPI, OURS, TWIN, sources
from benchmarks.notes.size import concepts, lines
from benchmarks.notes.visit import NOTE, REMIND, USER, WORKS, WRONG, Sample
from benchmarks.subject import Running, Subject, running
from tests.support.blackbox import write_files

PYTHON = '''
"""A docstring
of two lines."""

import json
from datetime import datetime

import fastapi.security
from fastapi import (
    Depends,  # a comment
    FastAPI,
)
from pydantic import BaseModel as Model

from .other import thing
from models import Note


# a comment
def main():
    """A docstring."""
    text = """
    two lines, and the blank one

    """
    return text
'''
MANIFEST = """
# a comment
namespace: app

entries:
  - {name: db, kind: db.sql.sqlite, file: a.db}
  - name: other
    kind: db.sql.sqlite
    file: b.db
"""


def test_lines_are_those_with_something_on_them(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"main.py": PYTHON, "_index.yaml": MANIFEST, "a.sql": "-- why\n\nSELECT 1\n"},
    )

    assert lines([tmp_path / "main.py"]) == 16
    assert lines([tmp_path / "_index.yaml"]) == 6
    assert lines(sources(tmp_path)) == 16 + 6 + 1


def test_concepts_are_imported_from_elsewhere_or_kinds(tmp_path: Path) -> None:
    write_files(tmp_path, {"main.py": PYTHON, "_index.yaml": MANIFEST, "models.py": ""})

    assert concepts(sources(tmp_path)) == {
        "fastapi.security",
        "fastapi.Depends",
        "fastapi.FastAPI",
        "pydantic.BaseModel",
        "db.sql.sqlite",
    }


def test_the_page_and_the_tests_are_left_out() -> None:
    for folder in (EXAMPLE, TWIN):
        names = {file.relative_to(folder).parts[0] for file in sources(folder)}
        assert names.isdisjoint({"public", "tests"})
        assert "migrations" in names


def test_ours_is_shorter_and_asks_for_no_more_concepts() -> None:
    ours, theirs = sources(EXAMPLE), sources(TWIN)

    assert lines(ours) < 0.75 * lines(theirs)
    assert len(concepts(ours)) <= len(concepts(theirs)) + 1


def test_ratios_are_those_of_a_round() -> None:
    def sample(rate: float) -> Sample:
        figures = {work.title: rate for work in (*WORKS, REMIND)}
        return Sample(start=1.0, rss=50.0, rates=figures, cpu=figures, loaded=60.0)

    curve = notes.curve([(sample(300), sample(100)), (sample(800), sample(400))])

    assert curve.figures["read a note"] == 2.5
    assert curve.figures["slowest"] == 2.5
    assert curve.rows[0] == ["read a note, a second", "550", "250", "2.50"]


class Client:
    """A client of a running program, whose notes have their ids replaced by numbers."""

    def __init__(self, program: Running) -> None:
        self._port = program.port
        self._headers = {"Content-Type": "application/json"}
        self._notes: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status, and the answer with its keys in place of what differs from run to run."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {**self._headers, **headers})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        answer = json.loads(text) if response.status < 300 and text else None
        if isinstance(answer, dict) and "token" in answer:
            self._headers["Authorization"] = f"Bearer {answer['token']}"
        return response.status, answer


def answers(program: Running) -> Iterator[tuple[int, Any]]:
    """The answers to all that a client may ask, and to some of what it may not."""
    client = Client(program)

    def shown(answer: tuple[int, Any]) -> tuple[int, Any]:
        status, body = answer
        if isinstance(body, dict):
            kept = {"title", "text", "version", "reminded_at"}
            body = {key: value if key in kept else "…" for key, value in body.items()}
        return status, body

    yield client.ask("POST", "/api/users", USER)
    yield client.ask("POST", "/api/users", USER)
    yield client.ask("POST", "/api/users", {**USER, "name": "Ada!"})
    yield client.ask("GET", "/api/notes")
    yield client.ask("POST", "/api/login", {**USER, "password": "not analytical"})
    yield shown(client.ask("POST", "/api/login", USER))
    added = client.ask("POST", "/api/notes", NOTE)
    yield shown(added)
    yield client.ask("POST", "/api/notes", WRONG)
    path = f"/api/notes/{added[1]['id']}"
    yield shown(client.ask("GET", path))
    yield client.ask("GET", "/api/notes/7")
    yield client.ask("GET", "/api/notes/11111111-1111-1111-1111-111111111111")
    yield shown(client.ask("PUT", path, {"title": "Shopping"}, **{"If-Match": '"1"'}))
    yield client.ask("PUT", path, {"title": "Shopping"}, **{"If-Match": '"1"'})
    status, found = client.ask("GET", "/api/notes?text=shop&limit=1")
    yield status, [note["title"] for note in found]
    yield client.ask("GET", "/api/notes?limit=0")
    yield client.ask("DELETE", path)
    yield client.ask("DELETE", path)


@pytest.mark.slow
def test_both_answer_alike() -> None:
    if reason := OURS.missing() or FASTAPI.missing():
        pytest.skip(reason)

    def told(subject: Subject) -> list[tuple[int, Any]]:
        with running(subject) as program:
            return list(answers(program))

    ours, theirs = told(OURS), told(FASTAPI)
    assert ours == theirs
    assert [status for status, _ in ours] == [
        201, 409, 422, 401, 401, 200, 201, 422, 200, 422, 404, 200, 412, 200, 422, 204, 404
    ]  # fmt: skip
