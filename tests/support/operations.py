"""Routes of handlers as endpoints make them, and their OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.engines.web.arguments import caller
from runtime.engines.web.openapi.document import describe
from runtime.engines.web.openapi.settings import Info
from runtime.engines.web.operation import Operation
from runtime.engines.web.route_path import parameter_names
from runtime.engines.web.routes import Group, Route
from runtime.entry_id import EntryId
from runtime.handlers.arguments.origin import read

INFO = Info(title="Shop", version="1.0", servers=())


def operation(
    handler: Callable[..., Any],
    line: str = "GET /x",
    *,
    name: str = "app:x",
    tags: tuple[str, ...] = (),
    has_timeout: bool = False,
    group: Group | None = None,
    guards: tuple[Any, ...] = (),
) -> Route:
    """The route of an endpoint, at `GET /x` say."""
    method, path = line.split(" ")
    by = caller(method, path, parameter_names(path), "app", blocking=False)
    return Route(
        method=method,
        path=path,
        handler=handler,
        group=group or Group(),
        guards=guards,
        signature=read(handler, by),
        operation=Operation(
            entry=EntryId.parse(name, "app"), function=handler, tags=tags, has_timeout=has_timeout
        ),
    )


def document_of(*routes: Route, folder: Path = Path(__file__).parents[2]) -> dict[str, Any]:
    return describe(routes, INFO, folder)


def described(handler: Callable[..., Any], line: str = "GET /x", **options: Any) -> dict[str, Any]:
    """The operation of one handler in a document of its own."""
    document = document_of(operation(handler, line, **options))
    ((operations),) = document["paths"].values()
    (found,) = operations.values()
    return found  # type: ignore[no-any-return]
