"""Override: `-o namespace:entry:field.path=value`, a change to a manifest from the command line."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from runtime.entry_id import EntryId
from runtime.findings.finding import Finding, Position
from runtime.manifest.document import parse
from runtime.manifest.fast import MAX_DEPTH

FORM = "namespace:entry:field.path=value"

# A field name that contains dots may be quoted: `options."cors.max.age"`.
_STEP = r'(?:"[^"]+"|[^".]+)'
# YAML would read `[::1]:8080` as a list with text behind it.
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.%]+\]:[0-9]+")
# What a finding shows of a value: quoted, or a number at its beginning.
_SHOWN = re.compile(r"(?<=').*(?=')|^\S+(?= is (?:too large|not a number))", re.DOTALL)
_FIELD = re.compile(rf"{_STEP}(?:\.{_STEP})*")


class Override(msgspec.Struct, frozen=True):
    """A change of one field; `value` is typed by YAML's rules."""

    id: EntryId
    path: tuple[str | int, ...]
    value: Any
    position: Position
    """The option as given, without the value, which may be a secret."""

    @classmethod
    def parse(cls, text: str) -> Override:
        """Parse `namespace:entry:field.path=value`. Raises ValueError with a text for the user."""
        target, equals, value_text = text.partition("=")
        namespace, _, rest = target.partition(":")
        name, _, field = rest.partition(":")
        if not (equals and namespace and name and _FIELD.fullmatch(field)):
            if not equals:  # what stands for the value is not printed
                target = ":".join(text.split(":")[:2])
            raise ValueError(f"'{target}' is not an override; write {FORM}")
        steps = [step.strip('"') for step in re.findall(_STEP, field)]
        if steps[0] == "name":
            raise ValueError(f"'{target}' would rename an entry; only its other fields can change")
        if len(steps) > MAX_DEPTH:
            raise ValueError(f"the field of '{target[:60]}…' is nested deeper than {MAX_DEPTH}")
        path = tuple(int(step) if step.isdecimal() else step for step in steps)
        value = _value(value_text, target)
        return cls(EntryId(namespace, name), path, value, Position(f"-o {target}"))

    def apply(self, fields: dict[str, Any]) -> Finding | None:
        """Set the field in place, creating missing mappings on the way.

        Returns a finding if a value on the way cannot contain the field.
        """
        container: Any = fields
        for depth, step in enumerate(self.path[:-1]):
            child = _child(container, step)
            if child is None and isinstance(container, dict) and isinstance(step, str):
                child = container[step] = {}
            if not isinstance(child, dict | list):
                parent = ".".join(map(str, self.path[: depth + 1]))
                return Finding(self.position, f"'{parent}' holds no fields to change")
            container = child
        last = self.path[-1]
        if isinstance(container, dict) or (isinstance(last, int) and last < len(container)):
            container[str(last) if isinstance(container, dict) else last] = self.value
            return None
        return Finding(self.position, f"no item {last} to change", "lists are changed by position")

    def path_in(self, fields: dict[str, Any]) -> tuple[str | int, ...]:
        """The path as the entry has it: a number is a key where it leads into a mapping."""
        path: list[str | int] = []
        container: Any = fields
        for step in self.path:
            path.append(str(step) if isinstance(container, dict) else step)
            container = _child(container, step) if isinstance(container, dict | list) else None
        return tuple(path)


def _value(text: str, target: str) -> Any:
    """Parse a value as YAML. Raises ValueError if that fails."""
    if _ADDRESS.fullmatch(text):
        return text
    try:
        document, findings = parse(text, "", "-o")
    except UnicodeEncodeError:
        document, findings = None, []
    if document is None or findings:
        message = findings[0].message if findings else ""
        why = message and ": " + _SHOWN.sub("…", message)  # no part of the value is printed
        raise ValueError(f"the value of '{target}' cannot be read{why}; quote it to make it text")
    # On a command line `:memory:` and `- x` are meant as text; a mapping is typed with braces.
    if isinstance(document.data, dict | list) and text.lstrip()[:1] not in ("{", "["):
        return text
    return document.data


def _child(container: Any, step: str | int) -> Any:
    if isinstance(container, dict):
        return container.get(str(step))
    return container[step] if isinstance(step, int) and step < len(container) else None
