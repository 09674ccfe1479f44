"""The time limit of a transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.engines.sql.contract import TransactionLost
from runtime.engines.sql.sqlite import writer_transaction
from tests.support.databases import (
    ADD,
    ENDLESS,
    SLOW,
    names,
    other_task,
    run,
    tasks,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def test_a_transaction_that_takes_too_long_is_rolled_back_with_an_error_that_says_so(
    file: Path,
) -> None:
    async def main() -> None:
        async with tasks(file, transaction_timeout=0.05) as db:
            with pytest.raises(TransactionLost, match=r"for more than 0\.05 s and was rolled back"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    await other_task(db, "b")  # gets the writer when the time is over
                    with pytest.raises(TransactionLost, match="raise transaction_timeout"):
                        await tx.query("SELECT 1")

            assert names(file) == ["b"]

    run(main())


@pytest.mark.parametrize("write", [False, True])
def test_the_time_limit_breaks_off_a_statement_too(file: Path, write: bool) -> None:
    text = f"INSERT INTO tasks (name) {SLOW}" if write else SLOW

    async def main() -> None:
        async with tasks(file, transaction_timeout=0.05) as db:
            with pytest.raises(TransactionLost, match="for more than"):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    with pytest.raises(TransactionLost, match="for more than"):
                        await tx.query(text, (ENDLESS,))
            await db.execute(ADD, ("b",))
            assert await db.query_one(SLOW, (200_000,))  # no deadline is left behind

            assert names(file) == ["b"]

    run(main())


def test_a_block_that_raises_after_its_time_keeps_its_own_error(file: Path) -> None:
    async def main() -> None:
        async with tasks(file, transaction_timeout=0.05) as db:
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute(ADD, ("a",))
                    await other_task(db, "b")
                    1 / 0  # noqa: B018

    run(main())


def test_a_commit_is_not_broken_off(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    finish = writer_transaction._End.finish

    def too_late(end: writer_transaction._End, *arguments: Any) -> None:
        now[0] = 60.0
        finish(end, *arguments)

    monkeypatch.setattr(writer_transaction, "monotonic", lambda: now[0])
    monkeypatch.setattr(writer_transaction, "DEADLINE_CHECK", 1)
    monkeypatch.setattr(writer_transaction._End, "finish", too_late)

    async def main() -> None:
        async with tasks(file) as db:
            async with db.transaction() as tx:
                await tx.execute(ADD, ("a",))

            assert names(file) == ["a"]

    run(main())
