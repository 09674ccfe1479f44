"""Options: the named values a router gives its middleware, read with their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.findings.suggestion import did_you_mean
from runtime.units import parse_duration


class OptionError(ValueError):
    """An option cannot be used. `option` is its name, if it is about one."""

    def __init__(self, option: str | None, message: str) -> None:
        super().__init__(message)
        self.option = option


class Options:
    """Each value may be text, as in `"true"`, `"60"` or `"a, b"`, or of its own type.

    An option has a dotted name and may have an older one: `cors.allow.origins`, `allow_origins`.
    Whatever a middleware asks for counts as used.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._known: set[str] = set()

    def text(self, name: str, default: str, older: str | None = None) -> str:
        key, value = self._find(name, older)
        if value is None:
            return default
        if not isinstance(value, str):
            raise OptionError(key, f"option '{key}' is {value!r}, not text")
        return value.strip()

    def names(self, name: str, default: str, older: str | None = None) -> list[str]:
        """A list, written as one or separated by commas."""
        key, value = self._find(name, older)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        if not isinstance(value, str | None):
            raise OptionError(key, f"option '{key}' is {value!r}, not a list of names")
        parts = (default if value is None else value).split(",")
        return [part.strip() for part in parts if part.strip()]

    def flag(self, name: str, default: bool, older: str | None = None) -> bool:
        key, value = self._find(name, older)
        if value is None:
            return default
        words = {"true": True, "false": False}
        if str(value).lower() not in words:
            raise OptionError(key, f"option '{key}' is {value!r}, not true or false")
        return words[str(value).lower()]

    def number(self, name: str, default: int, least: int = 0, older: str | None = None) -> int:
        key, value = self._find(name, older)
        if value is None:
            return default
        try:
            number = int(value) if isinstance(value, str | int) else -1
        except ValueError:
            number = -1
        if number < least or isinstance(value, bool):
            raise OptionError(key, f"option '{key}' is {value!r}, not a number from {least} on")
        return number

    def seconds(self, name: str, default: float, older: str | None = None) -> float:
        key, value = self._find(name, older)
        if value is None:
            return default
        try:
            seconds = parse_duration(value) if isinstance(value, str) else 0.0
        except ValueError as error:
            raise OptionError(key, f"option '{key}': {error}") from None
        if seconds <= 0:
            raise OptionError(key, f"option '{key}' is {value!r}, not a duration such as '10s'")
        return seconds

    def refuse_unused(self) -> None:
        """Raise OptionError for the first option that nobody asked for."""
        for name in self._given:
            if name not in self._known:
                hint = did_you_mean(name, self._known) or "list its middleware, or take it out"
                raise OptionError(name, f"no middleware here has the option '{name}'; {hint}")

    def _find(self, name: str, older: str | None) -> tuple[str, Any]:
        for key in (name, name.replace(".", "_"), older):
            if key is not None:
                self._known.add(key)
        for key in (name, name.replace(".", "_"), older):
            if key is not None and key in self._given:
                return key, self._given[key]
        return name, None
