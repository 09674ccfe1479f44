"""A changed SQLite database: what its open file lets be changed, and what only a start can."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.application.plan import Action
from runtime.service import StartError
from tests.support.changing import Site, linked, served
from tests.support.serving import run

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: db, kind: db.sql.sqlite, file: ./app.db, lifecycle: {auto_start: true}}
  - {name: scratch, kind: db.sql.sqlite, file: ":memory:", lifecycle: {auto_start: true}}
"""
SAME = "pragmas: {journal_mode: wal, cache_size: -100}"


def changed(pragmas: str) -> str:
    return MANIFEST.replace("app.db,", f"app.db, {pragmas},")


async def mode(site: Site) -> str:
    (row,) = await site.component("db").query("PRAGMA journal_mode")
    return str(row["journal_mode"])


def test_another_journal_of_an_open_file_is_refused_at_once(tmp_path: Path) -> None:
    refusal = "app:db: 'journal_mode' is WAL while the file is open, not DELETE; start the program"

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            for attempt in (site.application.plan, site.application.apply):
                with pytest.raises(StartError, match=refusal):
                    await attempt(linked(tmp_path, changed("pragmas: {journal_mode: DELETE}")))
            assert await mode(site) == "wal"

    run(main())


def test_other_pragmas_and_another_file_are_taken_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            plan = await site.application.apply(linked(tmp_path, changed(SAME)))
            actions = {str(each.id): each.action for each in plan.changes}
            assert actions.pop("app:db") is Action.REPLACE
            assert {*actions.values()} == {Action.KEEP}
            (row,) = await site.component("db").query("PRAGMA cache_size")
            assert row["cache_size"] == -100
            other = changed("pragmas: {journal_mode: DELETE}").replace("app.db", "other.db")
            await site.application.apply(linked(tmp_path, other))
            assert await mode(site) == "delete"

    run(main())
