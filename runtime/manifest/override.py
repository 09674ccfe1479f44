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

# A field whose name has dots in it may be quoted: `options."cors.max.age"`.
_STEP = r'(?:"[^"]+"|[^".]+)'
# To YAML, `[::1]:8080` is a list with something behind it.
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.%]+\]:[0-9]+")
_FIELD = re.compile(rf"{_STEP}(?:\.{_STEP})*")


class Override(msgspec.Struct, frozen=True):
    """One change: which entry, which field, which value, typed by YAML's rules."""

    id: EntryId
    path: tuple[str | int, ...]
    value: Any
    position: Position
    """What stands on the command line, without the value, which may be a secret."""

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read an override. Raises ValueError with a sentence that names the form."""
        target, equals, value_text = text.partition("=")
        namespace, _, rest = target.partition(":")
        name, _, field = rest.partition(":")
        if not (equals and namespace and name and _FIELD.fullmatch(field)):
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
        """Set the field, making the mappings on the way to it; a finding if the way is blocked."""
        holder: Any = fields
        for depth, step in enumerate(self.path[:-1]):
            below = _get(holder, step)
            if below is None and isinstance(holder, dict) and isinstance(step, str):
                below = holder[step] = {}
            if not isinstance(below, dict | list):
                way = ".".join(map(str, self.path[: depth + 1]))
                return Finding(self.position, f"'{way}' holds no fields to change")
            holder = below
        last = self.path[-1]
        if isinstance(holder, dict) or (isinstance(last, int) and last < len(holder)):
            holder[str(last) if isinstance(holder, dict) else last] = self.value
            return None
        return Finding(self.position, f"no item {last} to change", "lists are changed by position")


def _value(text: str, target: str) -> Any:
    """What a text says by YAML's rules. Raises ValueError if it says nothing."""
    if _ADDRESS.fullmatch(text):
        return text
    try:
        document, findings = parse(text, "", "-o")
    except UnicodeEncodeError:
        document, findings = None, []
    if document is None or findings:
        why = f": {findings[0].message}" if findings else ""
        raise ValueError(f"the value of '{target}' cannot be read{why}")
    # `:memory:` and `- x` are text to whoever types them here; a mapping has its braces.
    if isinstance(document.data, dict | list) and text.lstrip()[:1] not in ("{", "["):
        return text
    return document.data


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(str(step))
    return holder[step] if isinstance(step, int) and step < len(holder) else None
