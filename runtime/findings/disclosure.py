"""Disclosure: the values of an entry that findings may print, and the texts in place of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from runtime.findings.finding import Path

OVERRIDDEN = "…"
"""Printed in place of a value from the command line, which may be a secret."""


class Disclosure(msgspec.Struct, frozen=True):
    """The values of one entry that may be printed, by their paths in the entry."""

    placeholders: Mapping[Path, str] = {}
    """Original text of each value that contained a placeholder."""
    hidden: Mapping[Path, str] = {}
    """The text to print for each value with a secret in it."""
    overrides: Collection[Path] = ()
    """Paths of the fields that the command line set; their values are never printed."""

    def hidden_text(self, path: Path) -> str | None:
        """The text to print in place of the value at `path`; None if the value may be printed."""
        return OVERRIDDEN if self.is_overridden(path) else self.hidden.get(path)

    def is_overridden(self, path: Path) -> bool:
        """True if the value at `path` is an override's, or a part of it."""
        return any(path[: len(override)] == override for override in self.overrides)

    def hides_key(self, path: Path) -> bool:
        """True if the last key of `path` stands inside an override's value."""
        return self.is_overridden(path[:-1])

    def is_literal(self, path: Path) -> bool:
        """True if the value at `path` stands in the manifest as it is."""
        return path not in self.placeholders and not self.is_overridden(path)


OPEN = Disclosure()
"""Everything may be printed."""
