"""Dead letters delivered again: all of a cause, no faster than a rate, and never for ever."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from runtime.clock import REAL
from runtime.engines.management.letters import Letter, groups
from runtime.engines.management.operation import Refused
from runtime.engines.management.requeueing import STEP, Requeueing, Requeues
from runtime.engines.management.source import Source

NOW = 1_795_745_670.0
QUEUE = "app:tasks"


def died(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def letter(number: int, error: str = "ValueError: no", at: float = NOW - 100) -> Letter:
    return Letter(
        str(number), QUEUE, "attempts", error, 1, died(NOW - 200), died(at + number / 1e6), 2
    )


class Letters:
    """A queue's dead letters. Those that fail again die at once."""

    def __init__(self, letters: list[Letter], *, fail_again: bool = False) -> None:
        self.letters = letters
        self.steps: list[list[str]] = []
        self.kept: dict[str, str] = {}
        """The letters that cannot be requeued, and why."""
        self.refused: Exception | None = None
        self.called = asyncio.Event()
        """Set with the first step."""
        self._fail_again = fail_again

    async def ask(self, operation: str, **given: Any) -> Any:
        if operation == "dead.letters":
            return msgspec.to_builtins(self.letters[: given["limit"]])
        assert operation == "dead.requeue"
        if self.refused is not None:
            raise self.refused
        ids = given["ids"]
        self.steps.append(ids)
        self.called.set()
        gone = [each for each in self.letters if each.id in ids and each.id not in self.kept]
        self.letters = [each for each in self.letters if each not in gone]
        if self._fail_again:
            self.letters += [letter(int(each.id), at=NOW + 1) for each in gone]
        left = [{"id": id, "why": self.kept[id]} for id in ids if id in self.kept]
        return {"done": len(gone), "left": left}

    @property
    def key(self) -> str:
        """The cause of the first one."""
        return groups(self.letters[:1])[0].key


def requeues() -> Requeues:
    return Requeues(msgspec.structs.replace(REAL, time=lambda: NOW))


def requeued(letters: Letters, them: Requeues | None = None) -> Requeueing:
    """Requeue the letters of the first one's cause, to the end."""

    async def main() -> Requeueing:
        chosen = them or requeues()
        await chosen.start(cast(Source, letters), QUEUE, letters.key, "")
        return await chosen.settle(QUEUE, 20)

    return asyncio.run(main())


def test_all_letters_of_a_cause_are_delivered_again_and_no_others() -> None:
    others = [letter(1000 + number, "TypeError: x") for number in range(3)]
    letters = Letters([letter(number) for number in range(120)] + others)
    ended = requeued(letters)

    assert (ended.state, ended.done, ended.total, ended.left) == ("done", 120, 120, 0)
    assert letters.letters == others
    assert [len(step) for step in letters.steps] == [STEP, STEP, 20]
    assert letters.steps[0][0] == "0"  # the oldest first


def test_more_letters_than_are_listed_at_once_are_found_among_those_of_others() -> None:
    wanted = [letter(number) for number in range(450)]
    others = [letter(1000 + number, "TypeError: x") for number in range(600)]
    letters = Letters([*wanted[:1], *others, *wanted[1:]])
    ended = requeued(letters)

    assert (ended.done, ended.total) == (450, None)
    assert letters.letters == others


def test_a_message_that_dies_again_is_not_delivered_for_ever() -> None:
    letters = Letters([letter(number) for number in range(60)], fail_again=True)
    ended = requeued(letters)

    assert ended.done == 60
    assert len(letters.letters) == 60


def test_what_cannot_be_delivered_is_left_and_told() -> None:
    letters = Letters([letter(number) for number in range(4)])
    letters.kept = {"2": "its key is taken"}
    ended = requeued(letters)

    assert (ended.state, ended.done, ended.left, ended.why) == ("done", 3, 1, "its key is taken")


def test_what_ends_it_is_told() -> None:
    letters = Letters([letter(number) for number in range(4)])
    letters.refused = Refused(400, "'app:tasks' is full")
    ended = requeued(letters)

    assert (ended.state, ended.why) == ("failed", "'app:tasks' is full")


def test_an_error_that_nobody_expects_ends_it_too(caplog: pytest.LogCaptureFixture) -> None:
    letters = Letters([letter(1)])
    letters.refused = KeyError("id")
    ended = requeued(letters)
    assert (ended.state, ended.why) == ("failed", "'id'")
    (record,) = caplog.records
    assert record.message == f"the dead letters of '{QUEUE}' are not requeued any further"


def test_a_rate_makes_small_steps_until_it_is_stopped() -> None:
    letters, them = Letters([letter(number) for number in range(100)]), requeues()

    async def main() -> Requeueing:
        await them.start(cast(Source, letters), QUEUE, letters.key, "20/h")
        with pytest.raises(Refused, match="being requeued already"):
            await them.start(cast(Source, letters), QUEUE, letters.key, "")
        await letters.called.wait()
        them.stop(QUEUE)
        return await them.settle(QUEUE, 20)

    ended = asyncio.run(main())

    assert letters.steps == [["0"]]
    assert (ended.state, ended.done) == ("stopped", 1)
    with pytest.raises(Refused, match="no letter of 'app:tasks' is being requeued"):
        them.stop(QUEUE)


def test_the_time_that_is_left_follows_from_the_rate() -> None:
    half = Requeueing(QUEUE, "x", "50/s", died(NOW), done=500, total=1000)

    assert half.remaining == 10
    assert msgspec.structs.replace(half, total=None).remaining is None
    assert msgspec.structs.replace(half, state="done").remaining is None


@pytest.mark.parametrize(
    ("key", "rate", "status"), [("gone", "", 404), ("", "fast", 400), ("", "0/s", 400)]
)
def test_a_rate_or_a_cause_that_is_none_is_refused(key: str, rate: str, status: int) -> None:
    letters = Letters([letter(0)])
    with pytest.raises(Refused) as refused:
        asyncio.run(requeues().start(cast(Source, letters), QUEUE, key or letters.key, rate))

    assert refused.value.status == status
    assert letters.steps == []


def test_one_that_has_ended_is_told_for_a_minute() -> None:
    moments = [NOW]
    them = Requeues(msgspec.structs.replace(REAL, time=lambda: moments[-1]))
    requeued(Letters([letter(0)]), them)

    assert [each.done for each in them.all()] == [1]
    moments.append(NOW + 61)
    assert them.all() == ()
