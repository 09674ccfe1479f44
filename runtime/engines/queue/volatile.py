"""Volatile: a queue whose messages are in this program only."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Volatile(Protocol):
    """A driver's queue that is gone with the program, or with its entry."""

    @property
    def unsaved(self) -> str | None:
        """Its contents as one line tells them: `3 messages and 1 dead letter`; None if empty."""
        ...


def amounts(messages: int, dead_letters: int) -> str | None:
    """Numbers as `Volatile.unsaved` tells them."""
    parts = [_amount(messages, "message"), _amount(dead_letters, "dead letter")]
    return " and ".join(filter(None, parts)) or None


def _amount(count: int, noun: str) -> str:
    """`1 message`, `2 messages`, or an empty text for 0."""
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
