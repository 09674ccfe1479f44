"""Context: the current call of a handler, and the application that it runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

import msgspec

from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.findings.suggestion import did_you_mean
from runtime.handlers import fork
from runtime.handlers.holders import Holders
from runtime.log.log import Log
from runtime.log.redaction import Redactor
from runtime.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    from socket import socket


class ApplicationContext:
    """One application, as its handlers see it: components and fields of entries, by id.

    `clock` and `telemetry` are those that its components were built with.
    """

    def __init__(self, clock: Clock = REAL, telemetry: Telemetry = OFF) -> None:
        self.clock = clock
        self.telemetry = telemetry
        self.components: dict[EntryId, Any] = {}
        self.fields: dict[EntryId, Mapping[str, Any]] = {}
        self.sockets: Mapping[EntryId, Sequence[socket]] = {}
        """What was opened for the workers of an application, by the entry that serves it: the
        socket of this worker, then those of the others.
        """
        self.log: Log | None = None
        self.depth = fork.depth
        """The number of forks before it was made; see `fork.forbid_in_child`."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.checks_results = False
        """True in tests: results of handlers are compared with their annotations. To be set before
        the components are built.
        """
        self.counts = False
        """True if what components do is counted. To be set before they are built."""
        self.access_log: Any = None
        """The `AccessLog` of its servers, if they have one. To be set before they are built."""
        self.redactor = Redactor()
        """Takes the application's secrets out of texts that it stores."""
        self.holders = Holders()
        """The calls under way of functions that use a service of the present components."""
        self.whole = self
        """The application itself, if this is its view for components that start ahead."""
        self._views: WeakSet[ApplicationContext] = WeakSet()
        self._resolved: dict[tuple[str, str], EntryId] = {}

    def replace(
        self, fields: dict[EntryId, Mapping[str, Any]], components: dict[EntryId, Any]
    ) -> None:
        """Change to other entries, at once for all handlers.

        The order matters, since threads look entries up meanwhile: no id is ever found for which
        there is no component yet.
        """
        holders = Holders()
        for each in (self, *self._views):
            each.components = components
            each.fields = fields
            each._resolved = {}
            each.holders = holders

    def view(self) -> ApplicationContext:
        """The same application for components that start before all others change: until the next
        `replace` its `components` and `fields` are its own.
        """
        view = copy(self)
        view._resolved = {}
        self._views.add(view)
        return view

    def id(self, text: str, within: str) -> EntryId:
        """Resolve an id, or a bare name in the namespace `within`.

        Raises LookupError, with a hint, if there is no such entry; TypeError if `text` is no str.
        """
        key = (text, within)
        resolved = self._resolved
        if key not in resolved:
            if not isinstance(text, str):
                raise TypeError(
                    f"an id is of type {type(text).__name__}, not a string such as 'app:tasks'"
                )
            id = EntryId.parse(text, within)
            if id not in self.fields:
                hint = did_you_mean(str(id), map(str, self.fields))
                raise LookupError(f"no entry '{id}'" + (f"; {hint}" if hint else ""))
            resolved[key] = id
        return resolved[key]

    def component(self, text: str, within: str) -> Any:
        """The component of an entry; None for a kind that builds nothing. Raises as `id` does."""
        return self.components.get(self.id(text, within))


class Subject(Protocol):
    """The reason for a call: an HTTP exchange, a delivery of a message, a run of a process."""

    @property
    def log_ids(self) -> Mapping[str, object]:
        """Fields that identify it in each log line of the call, such as `{"request_id": "…"}`."""
        ...

    @property
    def has_client(self) -> bool:
        """True if a client waits for the end of the call."""
        ...

    def become_async(self) -> None:
        """Hand out what an `async def` expects: the handler is one, behind a decorator."""
        ...


class Background:
    """A subject that no client waits for, and that has nothing to be awaited."""

    has_client = False

    @property
    def log_ids(self) -> Mapping[str, object]:
        return {}

    def become_async(self) -> None:
        """Nothing to do."""


class NotAwaited(RuntimeError):
    """A handler made a coroutine of the runtime's and did not await it, so that it did not run."""

    names_its_place = True


class Call(
    msgspec.Struct, frozen=True, eq=False
):  # one per call: a Struct is made in half a class's time
    """One call of a handler: its entry, its application, and the reason for the call."""

    entry: EntryId
    scope: ApplicationContext
    subject: Subject
    forgotten: NotAwaited | None = None
    """Set in place if the handler leaves a call of `runtime.modules` unawaited."""


current: ContextVar[Call] = ContextVar("runtime.current")


def log_origin() -> tuple[EntryId, Mapping[str, object]] | None:
    """The entry and the log ids of the current call; None outside of a handler."""
    call = current.get(None)
    return None if call is None else (call.entry, call.subject.log_ids)


def in_background() -> bool:
    """True in a call that no client waits for."""
    call = current.get(None)
    return call is not None and not call.subject.has_client


def component(id: str, what: str, kind: str, *members: str) -> Any:
    """The component of an entry, by an id or by a bare name in the namespace of the calling entry.

    Raises LookupError for an unknown entry, TypeError for one without these members: it is not
    `what` a module is for, an entry of `kind`.
    """
    here = call()
    found = here.scope.component(id, here.entry.namespace)
    if not all(hasattr(found, name) for name in members):
        raise TypeError(f"'{id}' is no {what}; name an entry of kind {kind}")
    return found


def call() -> Call:
    """The current call. Raises RuntimeError outside of a handler."""
    try:
        return current.get()
    except LookupError:
        raise RuntimeError(
            "this works only inside a handler that the runtime called; "
            "in a unit test, pass what the handler needs as arguments"
        ) from None
