"""The `lifecycle` block: its fields, and the number of attempts."""

from __future__ import annotations

import pytest

from runtime.registry import Registry
from runtime.supervision.lifecycle import Lifecycle


def lifecycle(**fields: object) -> Lifecycle:
    """From the block of an entry, with the defaults of the schema."""
    field = Registry().schema("process.service").field.properties["lifecycle"]
    filled = field.fill(fields, str)
    return Lifecycle.from_fields(filled)


def test_a_block_is_read_with_its_defaults() -> None:
    read = lifecycle(stop_timeout="1m", restart={"max_delay": "2s"})

    assert (read.auto_start, read.stop_timeout, read.start_timeout) == (False, 60, 10)
    assert (read.restart.max_delay, read.restart.initial_delay, read.max_attempts) == (2, 1, 0)


@pytest.mark.parametrize(
    ("allowed", "attempt", "exhausted"),
    [(0, 1, False), (0, 10**6, False), (1, 1, True), (3, 2, False), (3, 3, True), (3, 4, True)],
)
def test_max_attempts_counts_starts_and_the_first_is_one(
    allowed: int, attempt: int, exhausted: bool
) -> None:
    assert lifecycle(restart={"max_attempts": allowed}).is_exhausted(attempt) is exhausted
