"""Inline function: `func: file://notes.py#get`, seen as the entry that it stands for."""

from __future__ import annotations

from typing import Any

from runtime.findings.disclosure import Disclosure
from runtime.findings.finding import Path
from runtime.manifest.entry import Entry
from runtime.manifest.origin import CommandLine
from runtime.schema.field import Reference

_SOURCE, _METHOD = ("source",), ("method",)


def inline_function(holder: Entry, reference: Reference) -> Entry:
    """The entry that a field of `holder` would name, with the id of `holder`.

    It is no entry of the manifest. All its positions are that of the field.
    """
    assert reference.inline is not None
    source, mark, method = reference.text.partition("#")
    fields: dict[str, Any] = {"kind": reference.inline, "source": source}
    if mark:
        fields["method"] = method
    path = reference.path
    place = CommandLine(holder.at(*path)) if holder.origin_of(path) else None
    return Entry(
        holder.id,
        reference.inline,
        fields,
        holder.document,
        holder.path + path,
        overrides={_SOURCE: place, _METHOD: place} if place else {},
        disclosure=_disclosure(holder.disclosure.hidden_text(path)),
    )


def _disclosure(hidden: str | None) -> Disclosure:
    if hidden is None:
        return Disclosure()
    source, mark, method = hidden.partition("#")
    texts: dict[Path, str] = {_SOURCE: source, _METHOD: method if mark else source}
    return Disclosure(hidden=texts)
