"""Argument check: the parameters of a typed handler against what its caller has, as syntax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.kind import Sources
from runtime.linking.code.awaiting import Fault
from runtime.linking.code.parameters import FoundParameter

GIVEN = {
    "request": "http.Request",
    "reply": "http.Reply",
    "socket": "http.WebSocket",
    "message": "queue.Message",
    "logger": "logger.Logger",
}
_QUERY = "write Annotated[…, http.Query] if it is in the query"


def faults(found: Sequence[FoundParameter], sources: Sources) -> Iterator[Fault]:
    """The parameters that contradict each other or the caller, as far as syntax shows it."""
    bodies: list[FoundParameter] = []
    forms: list[FoundParameter] = []
    for each in found:
        yield from _faults(each, sources)
        location = _location(each, sources)
        if location == "body":
            bodies.append(each)
        elif location == "form":
            forms.append(each)
    if len(bodies) > 1:
        names = f"'{bodies[0].name}' and '{bodies[1].name}'"
        message = f"{names} are each the body of {sources.caller}, of which there is one"
        yield Fault(bodies[1].place, message, "make one record of them")
    elif bodies and forms:
        message = f"'{bodies[0].name}' is the body, and '{forms[0].name}' a part of a form"
        yield Fault(forms[0].place, message, "keep one of them")


def unread(found: Sequence[FoundParameter], sources: Sources) -> Sequence[str]:
    """The parameters of the path that no parameter of the function takes.

    Empty if it has the request, by which it may read them.
    """
    read: set[str | None] = set()
    for each in found:
        if each.annotation.shape == "request":
            return ()
        if _location(each, sources) == "path":
            marker = next(iter(each.annotation.markers), None)
            read.add(each.name if marker is None or not marker[1] else marker[1])
    return [name for name in sources.path if name not in read]


def _faults(each: FoundParameter, sources: Sources) -> Iterator[Fault]:
    annotation = each.annotation
    marks = [name for name, _ in annotation.markers] + [repr(id) for id in annotation.ids]
    if len(marks) > 1:
        message = f"'{each.name}' has more than one source: {', '.join(marks)}"
        yield Fault(each.place, message, "keep one of them")
        return
    location = _location(each, sources)
    has_none = "" if each.has_default else f"but {sources.caller} has none"
    if annotation.markers and location == "path":
        name = annotation.markers[0][1] or each.name
        if "path" in sources.locations and name not in sources.path:
            message = f"'{each.name}' is '{name}' of the path, {has_none or 'which has none'}"
            yield Fault(each.place, message, f"add {{{name}}} to the path")
            return
    if location == "body" and sources.texts_only:
        if not each.has_default:
            message = f"'{each.name}' is a record, but {sources.caller} is called with texts"
            yield Fault(each.place, message, "take its fields one by one")
    elif location in ("body", "form") and sources.no_body:
        what = f"the {location}" if location == "body" else "a part of a form"
        hint = _QUERY if location == "body" else "use POST, PUT or PATCH"
        yield Fault(each.place, f"'{each.name}' is {what}, but {sources.no_body}", hint)
    elif location in GIVEN and location not in sources.given and has_none:
        message = f"'{each.name}' asks for {GIVEN[location]}, {has_none}"
        yield Fault(each.place, message, "leave it out")
    elif location and location not in (*GIVEN, *sources.locations) and has_none:
        message = f"'{each.name}' comes from the {location}, {has_none}"
        yield Fault(each.place, message, "leave it out, or give it a default")


def _location(each: FoundParameter, sources: Sources) -> str | None:
    """The location of the value; None if that is not certain, or is a component."""
    annotation = each.annotation
    if annotation.markers:
        marker = annotation.markers[0][0].lower()
        return "form" if marker == "file" else marker
    if annotation.shape in GIVEN:
        return annotation.shape
    if annotation.ids:
        return None
    if annotation.shape == "file":
        return "form"
    if each.name in sources.path:
        return "path"
    if annotation.shape == "record" or (sources.one_body and annotation.shape == "scalar"):
        return "body"
    return "query" if annotation.shape == "scalar" else None
