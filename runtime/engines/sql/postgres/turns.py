"""Turns: work done one after the other, in the order in which it was asked for."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """A lock whose place in the line is taken before anybody waits for it."""

    def __init__(self) -> None:
        self._line: deque[asyncio.Future[None]] = deque()

    def take(self) -> asyncio.Future[None]:
        """A place at the end of the line: await it, and `leave` whatever comes of it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        if len(self._line) == 1:
            turn.set_result(None)
        return turn

    def leave(self, turn: asyncio.Future[None]) -> None:
        first = self._line[0] is turn
        self._line.remove(turn)
        if first and self._line and not self._line[0].done():
            self._line[0].set_result(None)
