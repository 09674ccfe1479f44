"""Sockets of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.managing import sockets_folder


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    with sockets_folder():
        yield
