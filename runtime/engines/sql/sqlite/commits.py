"""Commits: notes on each commit of a database, for whoever counts them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MOST = 65_536
"""Commits that are remembered until they are taken: threads may write while the loop is blocked."""


class Commits:
    """Those of one database since they were taken last. Any thread adds, and one takes."""

    __slots__ = ("_noted", "add")

    def __init__(self) -> None:
        self._noted: deque[tuple[int, float]] = deque(maxlen=MOST)
        self.add: Callable[[tuple[int, float]], None] = self._noted.append
        """Notes the number of statements of a commit, and the seconds from when the first of them
        was asked for to the begin of their transaction.
        """

    def take(self) -> tuple[list[int], list[float]]:
        """The number of statements of each, and the seconds that the first of them waited for its
        transaction; it begins anew.
        """
        taken = [self._noted.popleft() for _ in range(len(self._noted))]
        return [statements for statements, _ in taken], [waited for _, waited in taken]
