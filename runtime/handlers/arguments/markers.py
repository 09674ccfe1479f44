"""Markers: name, within `Annotated`, the source of a parameter, such as `http.Header()`."""

from __future__ import annotations

import msgspec


class Marker(msgspec.Struct, frozen=True):
    """The source of a parameter; `name` is its name there, if it differs from the parameter's."""

    name: str | None = None


class Query(Marker, frozen=True):
    """A parameter of the query; a list has one item for each time that it is given."""


class Header(Marker, frozen=True):
    """A header. `x_tenant` is `X-Tenant`, if no name is given."""


class Cookie(Marker, frozen=True):
    """A cookie."""


class Path(Marker, frozen=True):
    """A parameter of the path."""


class Body(Marker, frozen=True):
    """The whole body: JSON, or as it came for `bytes`."""


class Form(Marker, frozen=True):
    """A field of a form; a Struct or dataclass is the whole form."""


class File(Marker, frozen=True):
    """An uploaded file of a form."""


class State(Marker, frozen=True):
    """A value that a guard or a middleware has left in `request.state`; it is not decoded."""


LOCATIONS: dict[type[Marker], str] = {
    Query: "query",
    Header: "header",
    Cookie: "cookie",
    Path: "path",
    Body: "body",
    Form: "form",
    File: "form",
    State: "state",
}
