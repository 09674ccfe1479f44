"""What every store does with keys, values and times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from runtime.codec import NotJSON
from runtime.engines.store.contract import ABSENT, KeyValueStore
from tests.support.clock import FakeClock
from tests.support.consuming import run
from tests.support.key_value_stores import MAX_VALUE, STORES

Test = Callable[[KeyValueStore, FakeClock], Awaitable[None]]
Check = Callable[[Test], None]


@pytest.fixture(params=[*STORES])
def check(request: pytest.FixtureRequest) -> Check:
    """Runs a test with a new store of each sort."""
    url = request.getfixturevalue("postgres").url if request.param == "postgres" else ""

    def checked(test: Test) -> None:
        async def main() -> None:
            fake = FakeClock()
            async with STORES[request.param](fake, url) as store:
                await test(store, fake)

        run(main)

    return checked


def test_a_value_is_there_until_it_is_replaced_or_deleted(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        assert await store.get("a") is None
        assert await store.get("a", 7) == 7
        await store.set("a", {"n": [1, None, "é\u2028"], "x": 0.1})
        assert await store.get("a") == {"n": [1, None, "é\u2028"], "x": 0.1}
        await store.set("a", None)
        assert await store.get("a", 7) is None
        assert await store.delete("a") is True
        assert await store.delete("a") is False
        assert await store.get("a", 7) == 7

    check(test)


def test_what_is_returned_is_a_copy(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        value = [1]
        await store.set("a", value)
        value.append(2)
        (await store.get("a")).append(3)

        assert await store.get("a") == [1]

    check(test)


def test_a_value_is_gone_when_its_time_is_over(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        await store.set("a", 1, ttl="1m")
        await store.set("b", 2, ttl=90)
        await store.set("c", 3, ttl=90)
        await store.set("c", 3)
        await fake.advance(59.9)
        assert await store.keys() == ["a", "b", "c"]
        await fake.advance(0.2)
        assert await store.get("a") is None
        assert await store.delete("a") is False
        assert await store.keys() == ["b", "c"]
        await store.set("b", 4, ttl=60)
        await fake.advance(40)
        assert await store.get("b") == 4
        await fake.advance(3600)
        assert await store.keys() == ["c"]

    check(test)


def test_a_key_may_be_taken_again_after_its_time(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        assert await store.compare_and_set("lock", ABSENT, "me", ttl=10)
        assert not await store.compare_and_set("lock", ABSENT, "you", ttl=10)
        await fake.advance(10)
        assert await store.compare_and_set("lock", ABSENT, "you", ttl=10)
        assert await store.get("lock") == "you"

    check(test)


@pytest.mark.parametrize("present", [None, 1, "1", [], {"a": 1, "b": {"c": 2, "d": 3}}])
def test_a_value_is_set_if_the_present_one_is_the_expected(check: Check, present: Any) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        assert not await store.compare_and_set("a", present, "new")
        await store.set("a", present)
        assert not await store.compare_and_set("a", "other", "new")
        assert not await store.compare_and_set("a", ABSENT, "new")
        turned = dict(reversed(present.items())) if isinstance(present, dict) else present
        assert await store.compare_and_set("a", turned, "new")
        assert await store.get("a") == "new"

    check(test)


def test_one_and_true_are_two_values(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        await store.set("a", 1)
        assert not await store.compare_and_set("a", True, "new")
        assert not await store.compare_and_set("a", 1.0, "new")
        assert await store.compare_and_set("a", 1, "new")

    check(test)


def test_of_many_that_count_up_each_counts(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        await store.set("n", 0)

        async def count() -> None:
            while True:
                number = await store.get("n")
                if await store.compare_and_set("n", number, number + 1):
                    return

        await asyncio.gather(*(count() for _ in range(20)))

        assert await store.get("n") == 20

    check(test)


def test_keys_are_listed_by_prefix_in_pages(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        keys = ["a", "a/1", "a/2", "a%", "a_", "A/3", "b", "a/é", "a/\U0001f600", "a\U0010ffff"]
        for key in keys:
            await store.set(key, 1)

        assert await store.keys() == sorted(keys)
        assert await store.keys("a/") == ["a/1", "a/2", "a/é", "a/\U0001f600"]
        assert await store.keys("a%") == ["a%"]
        assert await store.keys("a\U0010ffff") == ["a\U0010ffff"]
        assert await store.keys("a/", limit=2) == ["a/1", "a/2"]
        assert await store.keys("a/", limit=2, after="a/2") == ["a/é", "a/\U0001f600"]
        assert await store.keys("a/", after="b") == []
        assert await store.keys("zz") == []

    check(test)


@pytest.mark.parametrize(
    ("key", "error", "why"),
    [
        ("", ValueError, "a key has 0 characters, not 1 to 512"),
        ("k" * 513, ValueError, "a key has 513 characters"),
        ("a\0b", ValueError, "a key has a NUL character"),
        ("\ud800", ValueError, "a key has a lone surrogate"),
        (7, TypeError, "a key is of type int, not str"),
    ],
)
def test_what_is_no_key_is_refused_by_every_method(
    check: Check, key: Any, error: type[Exception], why: str
) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        for call in (
            store.get(key),
            store.set(key, 1),
            store.delete(key),
            store.compare_and_set(key, ABSENT, 1),
            store.compare_and_set(key, 1, 1),
        ):
            with pytest.raises(error, match=why):
                await call

    check(test)


def test_what_is_no_value_and_no_ttl_is_refused(check: Check) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        for value in (datetime.now(UTC), float("nan"), {1: 2}, (1,), ABSENT):
            with pytest.raises(NotJSON, match="value"):
                await store.set("a", value)
        with pytest.raises(ValueError, match=f"1,001 bytes, and 'max_value' allows {MAX_VALUE:,}"):
            await store.set("a", "x" * 999)
        for ttl in (0, -1, 1e300, 10**400, float("inf"), float("nan"), "1 minute"):
            with pytest.raises(ValueError, match=r"'ttl' is|is not a duration"):
                await store.set("a", 1, ttl=ttl)
        with pytest.raises(TypeError, match="'ttl' is of type bool"):
            await store.set("a", 1, ttl=True)
        assert await store.get("a") is None

    check(test)


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({"limit": 0}, ValueError, "'limit' is 0, not 1 to 10,000"),
        ({"limit": 10_001}, ValueError, "'limit' is 10001"),
        ({"limit": "1"}, ValueError, "'limit' is '1'"),
        ({"prefix": 1}, TypeError, "'prefix' is of type int"),
        ({"after": b"a"}, TypeError, "'after' is of type bytes"),
        ({"prefix": "\0"}, ValueError, "'prefix' has a NUL"),
    ],
)
def test_what_is_no_page_is_refused(
    check: Check, arguments: dict[str, Any], error: type[Exception], why: str
) -> None:
    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        with pytest.raises(error, match=why):
            await store.keys(**arguments)

    check(test)


def test_a_thread_does_the_same_by_the_twin(check: Check) -> None:
    from runtime.entry_id import EntryId
    from runtime.handlers.context import ApplicationContext, Call, current
    from runtime.kinds.process import ProcessRun

    async def test(store: KeyValueStore, fake: FakeClock) -> None:
        scope = ApplicationContext()
        scope.loop = asyncio.get_running_loop()
        run = ProcessRun(1, lambda where="": None, asyncio.Event())
        current.set(Call(EntryId("app", "work"), scope, run))

        def work() -> None:
            twin = store.blocking
            twin.set("a", 1, ttl="1m")
            assert twin.get("a") == 1
            assert twin.compare_and_set("a", 1, 2)
            assert not twin.compare_and_set("a", ABSENT, 3)
            assert twin.keys("a") == ["a"]
            assert twin.delete("a")
            assert twin.get("a", 7) == 7

        await asyncio.to_thread(work)
        with pytest.raises(RuntimeError):
            store.blocking.get("a")

    check(test)
