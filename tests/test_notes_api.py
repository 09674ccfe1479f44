"""The notes API of the examples: its own tests, real requests, a crash, workers, PostgreSQL."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, Site, eventually, running
from tests.support.notes import KEY, NOTES, User, copy
from tests.support.postgres_schema import PostgresSchema

pytestmark = pytest.mark.slow

NOTE = {"title": "Shopping", "text": "milk, two lemons"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy(tmp_path)


def test_its_own_tests_pass(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def use(site: Site) -> None:
    """All that a user does, once."""
    ada = User(site, "ada")
    written = ada.ask("POST", "/notes", NOTE)
    assert written.status == 201
    id = written.json["id"]
    assert written.headers["location"] == f"/api/notes/{id}"
    assert ada.note(id) == written.json
    assert datetime.fromisoformat(written.json["updated_at"]).tzinfo is not None

    seen = {"If-Match": ada.ask("GET", f"/notes/{id}").headers["etag"]}
    changed = ada.ask("PUT", f"/notes/{id}", {**NOTE, "text": "tea"}, seen)
    assert (changed.status, changed.json["version"]) == (200, 2)
    assert ada.ask("PUT", f"/notes/{id}", NOTE, seen).status == 412

    found = ada.ask("GET", "/notes?text=TEA")
    assert [note["id"] for note in found.json] == [id]
    assert ada.ask("GET", "/notes?text=milk").json == []

    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    due = ada.ask("POST", "/notes", {"title": "Soon", "remind_at": soon}).json
    eventually(lambda: ada.note(due["id"])["reminded_at"])

    assert ada.ask("DELETE", f"/notes/{id}").status == 204
    assert ada.ask("GET", f"/notes/{id}").status == 404
    assert ada.ask("GET", "/notes/7").status == 422
    assert site.ask("GET", "/api/notes").status == 401


def test_it_does_what_it_says(folder: Path) -> None:
    with running(folder, FREE_PORT, env=KEY) as site:
        use(site)
        assert site.stop() == 0


def test_it_runs_on_postgres_by_overrides_alone(folder: Path, postgres: PostgresSchema) -> None:
    on_postgres = ("app:db:kind=db.sql.postgres", f"app:db:dsn={postgres.url}")
    with running(folder, FREE_PORT, *on_postgres, env=KEY) as site:
        use(site)
        assert postgres.execute("SELECT title FROM notes") == [("Soon",)]
        assert site.stop() == 0
    assert not list(folder.rglob("*.db"))


def test_its_workers_take_each_others_tokens(folder: Path) -> None:
    with running(folder, FREE_PORT, "--workers", "2", env=KEY) as site:
        use(site)
        assert site.stop() == 0


def test_a_reminder_outlives_the_program(folder: Path) -> None:
    with running(folder, FREE_PORT, env=KEY) as site:
        ada = User(site, "ada")
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        id = ada.ask("POST", "/notes", {**NOTE, "remind_at": soon}).json["id"]
        site.signal(signal.SIGKILL)
        site.wait()

    with running(folder, FREE_PORT, env=KEY) as site:
        ada.site = site
        eventually(lambda: ada.note(id)["reminded_at"])
        assert site.line("^reminder$")["fields"]["title"] == "Shopping"


def test_it_does_not_start_without_a_key(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in KEY}
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "validate", folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3
    assert "NOTES_KEY" in done.stdout


class Page(HTMLParser):
    """What a page names."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.attributes: set[str] = set()
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes |= {*found}
        self.ids |= {found["id"] or ""} if "id" in found else set()
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""


def test_the_page_has_what_its_script_uses_and_nothing_that_its_policy_forbids() -> None:
    page = Page()
    page.feed((NOTES / "public" / "index.html").read_text("utf-8"))
    script = (NOTES / "public" / "app.js").read_text("utf-8")

    assert {*re.findall(r"\$\(\"([\w-]+)\"\)", script)} <= page.ids
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert not {name for name in page.attributes if name == "style" or name.startswith("on")}
    assert "innerHTML" not in script
