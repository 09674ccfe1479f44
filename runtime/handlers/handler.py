"""Handler: the Python function that an entry names by `source` and `method`."""

from __future__ import annotations

import importlib
import inspect
import itertools
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.findings.display import display_path
from runtime.findings.finding import Position
from runtime.handlers.threads import Submit, ThreadPool
from runtime.service import StartError

_applications = itertools.count(1)


class Handlers:
    """Loads the handlers of one application.

    The application's folder becomes a package with a name of its own, so that `from .rules
    import …` works and two applications in one process share no module.
    """

    def __init__(self, folder: Path, pool: ThreadPool) -> None:
        self._folder = folder.resolve()
        self._pool = pool
        self._package = f"runtime_application_{next(_applications)}"
        package = types.ModuleType(self._package, f"The handlers of {folder}.")
        package.__path__ = [str(self._folder)]
        sys.modules[self._package] = package

    def load(
        self, source: str, method: str, manifest_folder: Path, position: Callable[..., Position]
    ) -> Handler:
        """Import the module that `source` names and return its function `method`.

        `position` locates a field of the entry in the manifest. Raises StartError with the failing
        line of the handler, or with the position of the method that is missing.
        """
        scheme, _, rest = source.partition("://")
        if scheme == "module":
            name = rest
        else:
            file = (manifest_folder.resolve() / rest).resolve().relative_to(self._folder)
            name = ".".join((self._package, *file.with_suffix("").parts))
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise StartError(self._import_error(error, rest, manifest_folder)) from error
        function = getattr(module, method, None)
        if not callable(function):
            raise StartError(f"{position('method')}: no function '{method}' in '{rest}'")
        return Handler(function, self._pool.submit)

    def _import_error(self, error: BaseException, rest: str, folder: Path) -> str:
        """Describe it in one line: the last frame in the application's files, the error, a hint."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(self._folder)]
        place = f"{display_path(own[-1].filename)}:{own[-1].lineno}" if own else rest
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and error.filename:
            place = f"{display_path(error.filename)}:{error.lineno}"
            reason = f"SyntaxError: {error.msg}"
        reason = reason.replace(f"{self._package}.", "")
        return f"{place}: the handler '{rest}' cannot be imported: {reason}{_hint(error, folder)}"

    def forget(self) -> None:
        """Remove the application's modules from `sys.modules`."""
        for name in [*sys.modules]:
            if name == self._package or name.startswith(f"{self._package}."):
                del sys.modules[name]


class Handler:
    """A function and its calling convention, as `Invocation` needs them."""

    def __init__(self, function: Callable[..., Any], submit: Submit) -> None:
        self.function = function
        self.blocking = not _is_async(function)
        self.takes_argument = _takes_argument(function)
        self.submit = submit


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is `async def`
    )


def _takes_argument(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    )
    return any(parameter.kind in positional for parameter in parameters)


def _hint(error: BaseException, folder: Path) -> str:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    if "." not in error.name and (folder / f"{error.name}.py").exists():
        return f"; write 'from .{error.name} import …' for a file beside the handler"
    if error.name.startswith("runtime_application_"):
        return "; there is no such file in the application's folder"
    return f"; install what provides '{error.name}', or correct the name"
