"""A consumer on a durable queue: with `transaction`, its writes and its ack are one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.modules import queue, sql
from runtime.modules.sync import queue as sync_queue
from runtime.modules.sync import sql as sync_sql
from tests.support import databases
from tests.support.consuming import consuming, run
from tests.support.transactions import consuming_in_transactions

ADD = databases.ADD


def test_what_a_handler_writes_is_committed_with_its_ack(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        await sql.transaction().execute(ADD, [body])
        assert await sql.get("db").query("SELECT * FROM tasks WHERE name = ?", [body]) == []

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a", "b")

            assert it.names() == ["a", "b"]

    run(main)


@pytest.mark.parametrize("end", ["raise", "False", "nack", "reject"])
def test_what_fails_has_written_nothing(end: str, tmp_path: Path) -> None:
    async def handler(body: str) -> object:
        message = queue.message()
        await sql.transaction().execute(ADD, [f"{body} {message.attempt}"])
        if message.attempt == 2:
            return None
        match end:
            case "raise":
                raise ValueError("no")
            case "nack":
                await message.nack(0)
            case "reject":
                raise queue.Reject("never")
        return False

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ([] if end == "reject" else ["a 2"])
            assert await it.attempts_of_the_dead() == (["1"] if end == "reject" else [])

    run(main)


def test_an_explicit_ack_is_done_at_the_end_and_wins(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        message = queue.message()
        await message.ack()
        await sql.transaction().execute(ADD, [body])
        with pytest.raises(RuntimeError, match="settled already"):
            await message.nack()
        raise ValueError("too late")

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a"]
            assert await it.attempts_of_the_dead() == []

    run(main)


def test_a_def_handler_writes_in_the_transaction_too(tmp_path: Path) -> None:
    def handler(body: str) -> None:
        message = sync_queue.message()
        sync_sql.transaction().execute(ADD, [f"{body} {message.attempt}"])
        sync_queue.publish("dead", body, transaction=sync_sql.transaction())
        if message.attempt == 1:
            raise ValueError("no")

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["a 2"]
            assert (await it.dead.info()).ready == 1

    run(main)


def test_a_message_is_published_in_the_transaction_or_refused(tmp_path: Path) -> None:
    refused = []

    async def handler(body: str) -> None:
        transaction = sql.transaction()
        try:
            await queue.publish("dead", "would wait for the transaction")
        except RuntimeError as error:
            refused.append(str(error))
        await queue.publish("dead", body, transaction=transaction)
        if queue.message().attempt == 1:
            raise ValueError("no")

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.rows("SELECT body FROM runtime_message WHERE queue = 'dead'") == [(b'"a"',)]
            assert len(refused) == 2
            assert "which would wait for itself; use that transaction" in refused[0]

    run(main)


def test_a_plain_write_beside_the_transaction_raises(tmp_path: Path) -> None:
    async def handler(body: str) -> None:
        with pytest.raises(RuntimeError, match=r"the consumer's `sql\.transaction\(\)`"):
            await sql.get("db").execute(ADD, [body])
        await sql.transaction().execute(ADD, ["in it"])

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            await it.consume(handler, "a")

            assert it.names() == ["in it"]

    run(main)


@pytest.mark.parametrize("end", ["requeued", "full", "taken"])
def test_a_letter_is_given_back_together_with_what_its_handler_wrote(
    end: str, tmp_path: Path
) -> None:
    attempts: list[int] = []

    async def give_back(body: str) -> None:
        attempts.append(queue.message().attempt)
        await sql.transaction().execute(ADD, [body])
        await queue.requeue("q", queue.message())

    async def reject(body: str) -> None:
        raise queue.Reject("never")

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            async with consuming(it.queue, reject, scope=it.scope):
                await it.queue.publish("a", unique="key")
                await it.until("SELECT 1 FROM runtime_message WHERE queue = 'dead'")
            if end == "full":
                it.queue.driver_queue.max_length = 0  # type: ignore[attr-defined]
            elif end == "taken":
                await it.queue.publish("b", unique="key")
            transactions = it.database.transaction
            it.dead.max_attempts = 2
            async with consuming(it.dead, give_back, scope=it.scope, transactions=transactions):
                await it.until("SELECT 1 FROM runtime_message WHERE queue = 'q' OR state = 3")
                if end != "requeued":
                    await it.until("SELECT 1 FROM runtime_message WHERE state = 3")
            (row,) = it.rows(
                "SELECT queue, state, died_in FROM runtime_message "
                "WHERE CAST(body AS TEXT) LIKE '%a%'"
            )

            if end == "requeued":
                assert (row, it.names(), attempts) == (("q", 0, None), ["a"], [1])
            else:
                assert (row, it.names(), attempts) == (("dead", 3, "app:dead"), [], [1, 2])
                error = {"full": "Full", "taken": "KeyTaken"}[end]
                (letter,) = await it.dead.dead_letters()
                assert letter.headers["x_dead_letter_error"].startswith(error)

    run(main)


def test_a_def_gives_a_letter_back_in_its_transaction(tmp_path: Path) -> None:
    def give_back(body: str) -> None:
        sync_sql.transaction().execute(ADD, [body])
        sync_queue.requeue("q", sync_queue.message())

    async def reject(body: str) -> None:
        raise queue.Reject("never")

    async def main() -> None:
        async with consuming_in_transactions(tmp_path) as it:
            async with consuming(it.queue, reject, scope=it.scope):
                await it.queue.publish("a")
                await it.until("SELECT 1 FROM runtime_message WHERE queue = 'dead'")
            transactions = it.database.transaction
            async with consuming(it.dead, give_back, scope=it.scope, transactions=transactions):
                await it.until("SELECT 1 FROM runtime_message WHERE queue = 'q'")

            assert it.names() == ["a"]

    run(main)
