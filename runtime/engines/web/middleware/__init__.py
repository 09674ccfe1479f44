"""Middleware: processing around the handlers of a router, found by name.

A middleware is a module with a function `build(options, clock)`. The built-in ones are the modules
of this package, each with a schema of its options in `schemas/middleware/`; a module from another
package, named by an entry point, has its schema in an attribute `schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from runtime.clock import Clock
from runtime.engines.web.routes import Middleware

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "runtime.middleware"
"""Entry point group of middleware from other packages: `"token" = "acme_token"`."""


class OptionError(ValueError):
    """An option has a value that its schema allows and the middleware does not."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


class UnknownMiddleware(LookupError):
    """No middleware has this name."""


class BrokenMiddleware(Exception):
    """A middleware from another package is installed but unusable. The text gives the reason."""


class Module(Protocol):
    """A middleware's module."""

    def build(self, options: Mapping[str, Any], clock: Clock) -> Middleware:
        """Make the middleware.

        `options` has all options of the schema: valid, with defaults, durations in seconds; None
        for one that is absent and has no default. Raises OptionError.
        """
        ...


def load(name: str) -> Module:
    """Import the middleware `name`. Raises UnknownMiddleware and BrokenMiddleware."""
    if is_built_in(name):
        return cast("Module", import_module(f"{__name__}.{name}"))
    try:
        point = _entry_points()[name]
    except KeyError:
        raise UnknownMiddleware(name) from None
    try:
        module: Module = point.load()
    except Exception as error:  # foreign code may fail in any way
        why = f"{type(error).__name__}: {error}"
        raise BrokenMiddleware(f"the middleware '{name}' cannot be loaded: {why}") from error
    if not callable(getattr(module, "build", None)):
        raise BrokenMiddleware(f"the middleware '{name}' has no function 'build'")
    return module


def names() -> list[str]:
    """List all installed middleware: built-in, then from other packages."""
    built_in = sorted(path.stem for path in _FOLDER.glob("[!_]*.py"))
    return [*built_in, *sorted(_entry_points().keys() - {*built_in})]


_FOLDER = Path(__file__).parent


@cache
def is_built_in(name: str) -> bool:
    """True for a module of this package, whose schema is a file in `schemas/middleware/`."""
    # islower: some file systems ignore case
    plain = name.isidentifier() and name.islower() and not name.startswith("_")
    return plain and (_FOLDER / f"{name}.py").is_file()


@cache
def _entry_points() -> dict[str, EntryPoint]:
    import importlib.metadata  # takes 8 ms, needed only for names that are not built in

    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
