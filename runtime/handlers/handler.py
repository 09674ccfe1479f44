"""Handler: the Python function that an entry names by `source` and `method`."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from runtime.findings.display import display_path
from runtime.findings.finding import Position
from runtime.handlers import decimals, package, unawaited
from runtime.handlers.arguments.origin import by_position
from runtime.handlers.modules import Fresh, Modules
from runtime.handlers.place import raised_at
from runtime.handlers.threads import Submit, ThreadPool
from runtime.service import StartError


class Handlers:
    """Loads the handlers of one application.

    The application's folder becomes a package with a name of its own, so that `from .rules
    import …` works and two applications in one process share no module.
    """

    def __init__(self, folder: Path, pool: ThreadPool) -> None:
        self._pool = pool
        self._application = folder
        self._folder = folder.resolve()
        self._package = package.add(self._folder)
        self._modules = Modules(self._package, package.finder)
        unawaited.watch()

    def load(
        self, source: str, method: str, manifest_folder: Path, position: Callable[..., Position]
    ) -> Handler:
        """Import the module that `source` names and return its function `method`.

        `position` locates a field of the entry in the manifest. Raises StartError with the failing
        line of the handler, or with the position of the method that is missing.
        """
        rest = source.partition("://")[2]
        try:
            module = _import(self.module(source, manifest_folder))
        except (Exception, SystemExit) as error:
            raise StartError(self._import_error(error, rest, manifest_folder)) from error
        decimals.look()
        function = getattr(module, method, None)
        if not callable(function):
            raise StartError(f"{position('method')}: no function '{method}' in '{rest}'")
        return Handler(function, self._pool.submit)

    def module(self, source: str, manifest_folder: Path) -> str:
        """The name of the module that `source` names, here and in processes of the application."""
        scheme, _, rest = source.partition("://")
        if scheme == "module":
            return rest
        file = file_in(self._application, manifest_folder, rest)
        return ".".join((self._package, *file.with_suffix("").parts))

    def threads(self, size: int, name: str) -> Submit:
        """Up to `size` further threads for plain `def` handlers, named after `name`."""
        return self._pool.part(size, name)

    @contextmanager
    def afresh(self) -> Iterator[Fresh]:
        """In the block, import what has changed, and what imports that, from its present source.

        Yields those modules. If the block raises, the old ones are in place again.
        """
        with self._modules.dropped(self._modules.stale()) as fresh:
            yield fresh

    def _import_error(self, error: BaseException, rest: str, folder: Path) -> str:
        """Describe it in one line: the last frame in the application's files, the error, a hint."""
        place = raised_at(error, self._folder) or rest
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and error.filename:
            place = f"{display_path(error.filename)}:{error.lineno}"
            reason = f"SyntaxError: {error.msg}"
        reason = reason.replace(f"{self._package}.", "")
        return (
            f"{place}: the handler '{rest}' cannot be imported: {reason}{self._hint(error, folder)}"
        )

    def _hint(self, error: BaseException, folder: Path) -> str:
        if not isinstance(error, ModuleNotFoundError) or not error.name:
            return ""
        if "." not in error.name and (folder / f"{error.name}.py").exists():
            return f"; write 'from .{error.name} import …' for a file beside the handler"
        if error.name.startswith(f"{self._package}."):
            return "; there is no such file in the application's folder"
        return f"; install what provides '{error.name}', or correct the name"

    def forget(self) -> None:
        """Remove the application's modules from `sys.modules`."""
        package.remove(self._package)


def _import(name: str) -> types.ModuleType:
    """Import a module as at the start, when no event loop runs."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return importlib.import_module(name)
    finally:
        asyncio._set_running_loop(loop)


def file_in(application: Path, manifest_folder: Path, rest: str) -> PurePath:
    """The file that `file://rest` names in a manifest, relative to the application's folder.

    Links are not resolved: as everywhere in Python, the name by which a file is found decides its
    module. Raises ValueError for a manifest outside of the application's folder.
    """
    return PurePath(os.path.normpath(manifest_folder.relative_to(application) / rest))


class Handler:
    """A function and its calling convention, as `Invocation` needs them."""

    def __init__(self, function: Callable[..., Any], submit: Submit) -> None:
        self.declared = function
        """As it was loaded, for its annotations."""
        self.function = by_position(function)
        """The same, with all its arguments by position."""
        self.blocking = not _is_async(function)
        self.takes_argument = _takes_argument(function)
        self.submit = submit


_LOOP_RUNNERS = frozenset(
    {"run_until_complete", "run_coroutine_threadsafe", "async_to_sync", "Runner"}
)


def _is_async(function: Callable[..., Any]) -> bool:
    """True for an `async def`, an async generator too, also behind decorators that say what they
    wrap, and partials.

    A decorator that makes a plain function of it, by running a loop of its own, stays one.
    """
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return True
        if _runs_a_loop(function):
            return False
        if isinstance(function, functools.partial):
            function = function.func
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        elif not isinstance(function, _FUNCTIONS) and not isinstance(function, type):
            function = getattr(function, "__call__", function)  # noqa: B004 - of its class
    return False


_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


def _runs_a_loop(function: Callable[..., Any]) -> bool:
    call = function if isinstance(function, _FUNCTIONS) else type(function).__call__
    names = getattr(getattr(call, "__code__", None), "co_names", ())
    return not _LOOP_RUNNERS.isdisjoint(names) or {"asyncio", "run"}.issubset(names)


def _takes_argument(function: Callable[..., Any]) -> bool:
    """True if it declares a positional parameter.

    A decorator's own function decides, which may take what the wrapped one does not. One that
    takes `*args` passes them on, and so is asked for what it wraps.
    """
    seen: set[int] = set()
    try:
        while id(function) not in seen:
            seen.add(id(function))
            kinds = _kinds(function, follow_wrapped=False)
            if not kinds.isdisjoint(_NAMED):
                return True
            if inspect.Parameter.VAR_POSITIONAL not in kinds:
                return False
            wrapped = getattr(function, "__wrapped__", None)
            if wrapped is None or isinstance(function, types.MethodType):
                break  # a method's wrapped function would take `self` too
            function = wrapped
        kinds = _kinds(function, follow_wrapped=True)
    except (TypeError, ValueError):
        return True
    return not kinds.isdisjoint({*_NAMED, inspect.Parameter.VAR_POSITIONAL})


_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _kinds(function: Callable[..., Any], *, follow_wrapped: bool) -> set[Any]:
    signature = inspect.signature(function, follow_wrapped=follow_wrapped)
    return {parameter.kind for parameter in signature.parameters.values()}
