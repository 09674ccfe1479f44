"""Backoff: delays that grow, and the number of attempts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from runtime.backoff import Backoff


def delays(policy: Backoff, count: int, chance: float = 0.5) -> list[float]:
    """The first `count` delays, with `chance` as each random number."""
    return [policy.delay(attempt, lambda: chance) for attempt in range(1, count + 1)]


def test_delays_grow_by_the_factor_up_to_the_cap() -> None:
    policy = Backoff(initial_delay=1, max_delay=10, backoff_factor=2, jitter=0)
    assert delays(policy, 6) == [1, 2, 4, 8, 10, 10]


def test_a_factor_of_one_keeps_the_delay() -> None:
    assert delays(Backoff(initial_delay=3, backoff_factor=1), 4) == [3, 3, 3, 3]


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_jitter_moves_a_delay_by_its_share_at_most(chance: float, share: float) -> None:
    policy = Backoff(initial_delay=1, jitter=0.2)
    assert delays(policy, 3, chance) == pytest.approx([share, 2 * share, 4 * share])


def test_jitter_is_random_and_within_its_range() -> None:
    policy = Backoff(initial_delay=1, jitter=0.1)
    found = [policy.delay(1) for _ in range(200)]
    assert all(0.9 <= delay <= 1.1 for delay in found)
    assert len(set(found)) > 100


def test_a_huge_attempt_waits_the_cap_and_does_not_overflow() -> None:
    policy = Backoff(max_delay=90, backoff_factor=100, jitter=0)
    assert policy.delay(10**6) == 90


def test_delays_never_shrink_without_jitter() -> None:
    found = delays(Backoff(initial_delay=0.3, backoff_factor=1.7, jitter=0), 40)
    assert all(earlier <= later for earlier, later in pairwise(found))
