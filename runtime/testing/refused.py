"""Refused: the error for a connection that was answered, and did not open."""

from __future__ import annotations

from runtime.testing.answer import Answer


class Refused(Exception):
    """The server answered otherwise than by what was asked for: a WebSocket, a stream."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.text}")
        self.answer = answer
