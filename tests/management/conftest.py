"""Sockets of the tests' own, and a program to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.managing import sockets_folder
from tests.support.watched import Watched, watched


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    with sockets_folder():
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The tests of a file share it. One that needs more in it has a fixture of that name on top."""
    with sockets_folder(), watched(tmp_path_factory.mktemp("watched")) as it:
        yield it
