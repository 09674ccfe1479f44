"""What a test leaves behind in this process, apart from what other tests have left."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing is collected, and `gc` knows only the objects that are made meanwhile."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def instances(*kinds: type) -> list[object]:
    """The objects of these classes that `gc` knows."""
    return [each for each in gc.get_objects() if issubclass(type(each), kinds)]


def descriptors() -> set[str]:
    """What this process has open, each with its number. Nothing on a system that lists none."""
    found = set[str]()
    if os.path.isdir("/proc/self/fd"):
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                found.add(f"{descriptor} {os.readlink(f'/proc/self/fd/{descriptor}')}")
            except FileNotFoundError:  # the one of the list itself
                continue
    return found
