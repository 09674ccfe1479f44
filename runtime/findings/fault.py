"""Fault: a mistake in a file that is no manifest, as the engine that reads the file finds it."""

from __future__ import annotations

import msgspec

from runtime.findings.finding import Problem


class Fault(msgspec.Struct, frozen=True):
    """A mistake, with its place in the message, and its mend. Prints as `message; hint`."""

    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def at(self, *path: str | int) -> Problem:
        """The problem of the field that names the file or its folder."""
        return Problem(path, self.message, self.hint)
