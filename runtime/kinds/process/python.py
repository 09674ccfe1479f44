"""process.python: a Python function that runs as a process, or as a command."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from sys import maxsize
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.handlers.arguments import hints
from runtime.handlers.arguments.named import NamedArguments
from runtime.handlers.invocation import Invocation, LoadedHandler
from runtime.handlers.threads import run_in_thread
from runtime.kind import Arguments, BuildContext, Claim, Expected, Kind, Linked, Sources
from runtime.kinds.process import ProcessRun

if TYPE_CHECKING:
    from runtime.handlers.arguments.command_line import CommandLine


class Command(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    help: str


class Config(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    method: str
    modules: list[str] | None
    command: Command | None


class PythonProcess:
    def __init__(self, config: Config, context: BuildContext) -> None:
        handler = context.handlers.load(
            config.source, config.method, context.manifest_folder, context.position
        )
        self.blocking = handler.blocking
        entries = NamedArguments(
            handler.declared, {}, context.scope, context.id.namespace, blocking=handler.blocking
        )
        self._invocation = Invocation(
            context.id,
            context.scope,
            _WithEntries(handler, entries) if entries else handler,
            context.telemetry,
            submit=self._submit,
        )
        self._by_name = Invocation(
            context.id,
            context.scope,
            _ByName(handler, entries),
            context.telemetry,
            submit=self._submit,
        )
        self._declared = handler.declared
        self._entries = entries
        self._thread_name = str(context.id)

    def command_line(self) -> CommandLine:
        """The arguments of its function as a command. Raises StartError for one without a text."""
        from runtime.handlers.arguments.command_line import CommandLine  # for 'exec' alone

        parameters = hints.parameters(self._declared)
        return CommandLine(self._declared, [p.name for p in parameters if p.name in self._entries])

    async def call(self, run: ProcessRun, *arguments: Any) -> Any:
        try:
            return await self._invocation.call(run, *arguments)
        except SystemExit as exit:
            return exit.code

    async def call_by_name(self, run: ProcessRun, values: Mapping[str, Any]) -> Any:
        """As `call`, with values by the names of parameters."""
        try:
            return await self._by_name.call(run, values)
        except SystemExit as exit:
            return exit.code

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """Run a plain `def` in a thread of its own: it may never return, and the pool is small."""
        return run_in_thread(self._thread_name, _exit_code_of, function, arguments)


class _WithEntries:
    """A handler whose annotations name entries: it is called with them, and with its input."""

    def __init__(self, handler: LoadedHandler, entries: NamedArguments) -> None:
        self.declared = handler.declared
        self.blocking = handler.blocking
        self.takes_argument = handler.takes_argument
        self.submit = handler.submit
        self._entries = entries
        named = inspect.signature(handler.declared).parameters
        self._others = [name for name in named if name not in entries]

    def function(self, *arguments: Any) -> Any:
        by_name = dict(zip(self._others, arguments, strict=False))
        rest = arguments[len(by_name) :]  # which is an error of its own
        return self.declared(*rest, **by_name, **self._entries.filled())


class _ByName:
    """A handler that is called with a mapping of its values."""

    takes_argument = True

    def __init__(self, handler: LoadedHandler, entries: NamedArguments) -> None:
        self.declared = handler.declared
        self.blocking = handler.blocking
        self.submit = handler.submit
        self._entries = entries

    def function(self, values: Mapping[str, Any]) -> Any:
        signature = inspect.Signature(hints.parameters(self.declared))
        bound = inspect.BoundArguments(signature, OrderedDict({**values, **self._entries.filled()}))
        bound.apply_defaults()
        return self.declared(*bound.args, **bound.kwargs)


def _exit_code_of(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except SystemExit as exit:  # an exit code: the thread's call would make an error of it
        return exit.code


def check(entry: Linked) -> Iterable[Claim | Arguments]:
    command = entry.fields["command"]
    if command is None:
        return
    who = f"the command '{command['name']}'"
    yield Claim(None, who, ("command", "name"))
    sources = Sources(
        caller=who, locations=frozenset({"query"}), given=frozenset({"logger"}), texts_only=True
    )
    yield Arguments((), 0, maxsize, who, by_annotation=True, sources=sources)


kind = Kind(
    "process.python",
    Config,
    PythonProcess,
    check=check,
    expected=Expected(("process.service",), "no service runs this process", unless="command"),
)
