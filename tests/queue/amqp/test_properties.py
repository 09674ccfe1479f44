"""The properties of AMQP messages that other systems sent."""

from __future__ import annotations

import pytest
from pika.spec import BasicProperties

from runtime.engines.queue.amqp.properties import PUBLISHED, decode, encode
from runtime.units import format_time

SECONDS = 1_764_340_000


def test_the_time_of_other_systems_is_taken() -> None:
    message = decode(BasicProperties(timestamp=SECONDS), b"1", 1)

    assert message.published == SECONDS


@pytest.mark.parametrize("timestamp", [SECONDS * 1000, SECONDS * 10**9, 2**64 - 1])
def test_a_time_that_is_none_is_as_one_that_is_not_told(timestamp: int) -> None:
    message = decode(BasicProperties(timestamp=timestamp), b"1", 1)

    assert message.published == 0
    assert format_time(message.published)
    assert encode(message, attempts=1)


@pytest.mark.parametrize("published", [-1, 2**62, 2**63 - 1])
def test_neither_is_one_of_the_header_that_somebody_else_wrote(published: int) -> None:
    message = decode(BasicProperties(headers={PUBLISHED: published}), b"1", 1)

    assert message.published == 0
