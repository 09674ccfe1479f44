"""A store in memory has bounds, and forgets what nobody asks for again."""

from __future__ import annotations

import pytest

from runtime.engines.store.contract import Full
from runtime.engines.store.memory import Limits, MemoryStore
from tests.support.clock import FakeClock
from tests.support.consuming import run

TEN = "x" * 300
"""A value of which ten fit."""


def a_store(fake: FakeClock, *, evicts: bool) -> MemoryStore:
    return MemoryStore("app:cache", Limits(1000, 5050, evicts), fake.clock)


def test_a_full_store_refuses_what_it_has_no_room_for() -> None:
    async def test() -> None:
        store = a_store(FakeClock(), evicts=False)
        for number in range(10):
            await store.set(str(number), TEN[:280])
        with pytest.raises(Full, match=r"store 'app:cache' is full \('max_size' is 5,050 bytes\)"):
            await store.set("more", TEN)
        await store.set("0", TEN)  # in place of one that was there
        await store.delete("1")
        await store.set("more", TEN[:100])

        assert await store.keys() == ["0", *map(str, range(2, 10)), "more"]

    run(test)


def test_a_cache_drops_what_was_used_least_recently() -> None:
    async def test() -> None:
        store = a_store(FakeClock(), evicts=True)
        for number in range(9):
            await store.set(str(number), TEN)
        await store.get("0")
        await store.set("1", TEN)
        for number in range(9, 12):
            await store.set(str(number), TEN)

        assert "0" in await store.keys()
        assert "1" in await store.keys()
        assert {"2", "3"}.isdisjoint(await store.keys())

    run(test)


def test_what_is_too_large_for_a_cache_drops_nothing() -> None:
    async def test() -> None:
        store = MemoryStore("app:cache", Limits(10_000, 5050, evicts=True), FakeClock().clock)
        await store.set("a", TEN)
        with pytest.raises(Full):
            await store.set("b", "x" * 6000)

        assert await store.keys() == ["a"]

    run(test)


def test_what_has_expired_makes_room() -> None:
    async def test() -> None:
        fake = FakeClock()
        store = a_store(fake, evicts=False)
        for number in range(9):
            await store.set(str(number), TEN, ttl=60)
        await fake.advance(61)
        for number in range(9):
            await store.set(f"new {number}", TEN)

        assert len(await store.keys()) == 9

    run(test)


def test_a_session_that_is_renewed_for_ever_takes_no_more_memory() -> None:
    async def test() -> None:
        store = a_store(FakeClock(), evicts=False)
        for _ in range(5000):
            await store.set("session", TEN, ttl=1800)

        assert len(store.values._expiring) <= 102

    run(test)


def test_a_transaction_is_refused_with_the_mend() -> None:
    async def test() -> None:
        store = a_store(FakeClock(), evicts=False)
        transaction: object = object()
        for call in (
            store.get("a", transaction=transaction),
            store.set("a", 1, transaction=transaction),
            store.delete("a", transaction=transaction),
            store.compare_and_set("a", 1, 1, transaction=transaction),
        ):
            with pytest.raises(ValueError, match=r"in memory, .* give it the kind store\.sql"):
                await call

    run(test)
