"""Kind: the contract of a kind, and all that its author imports."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.findings.finding import Note, Path, Position, Problem
from runtime.findings.remark import Remark
from runtime.handlers.calling import Arguments, Factory, Generator, Plain, Sources
from runtime.handlers.context import ApplicationContext
from runtime.handlers.invocation import Invocation, LoadedHandler
from runtime.handlers.threads import Submit
from runtime.service import Ready, Service, Stage, StartError, Unavailable
from runtime.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    from socket import socket

__all__ = [
    "Arguments",
    "BuildContext",
    "Check",
    "Claim",
    "Connect",
    "EntryId",
    "Expected",
    "Factory",
    "Generator",
    "Handlers",
    "Invocation",
    "Kind",
    "Linked",
    "LoadedHandler",
    "Multiprocess",
    "Note",
    "Plain",
    "Problem",
    "Ready",
    "Service",
    "Sources",
    "Stage",
    "StartError",
    "Unavailable",
]


class Handlers(Protocol):
    """Loads handlers."""

    def load(
        self,
        source: str,
        method: str,
        manifest_folder: FilePath,
        position: Callable[..., Position],
    ) -> LoadedHandler:
        """Import a function. Raises StartError, with the line of the handler that failed."""
        ...

    def module(self, source: str, manifest_folder: FilePath) -> str:
        """The name by which the module of a source is imported, in other processes too."""
        ...

    def threads(self, size: int, name: str) -> Submit:
        """Up to `size` further threads for plain `def` handlers, named after `name`."""
        ...


class BuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """The surroundings of the component that a builder makes."""

    id: EntryId
    scope: ApplicationContext
    handlers: Handlers
    """Loads the Python functions that entries name."""
    folder: FilePath
    """The application's folder, absolute: relative paths of the manifest start here."""
    manifest_folder: FilePath
    """The folder of the manifest that declares the entry: `file://` starts here."""
    position: Callable[..., Position]
    """`position("source")`: the position of a field of the entry, for errors."""

    clock: Clock = REAL
    """The clock that the component goes by."""
    telemetry: Telemetry = OFF
    """Receives the spans and events of the component."""
    stop_timeout: float = math.inf
    """Seconds that the component may take to stop."""
    holds: bool = False
    """True if the entry's code uses a service, which must not be closed during a call."""

    def path(self, text: str) -> FilePath:
        """A path from the manifest, made absolute from the application's folder."""
        return (self.folder / text).absolute()


class Claim(msgspec.Struct, frozen=True):
    """Something that only one entry may have: a route on a server, a name on a driver."""

    owner: EntryId | None
    """The entry on which the claim must be unique; None for the whole application."""
    what: str
    """The thing that is claimed, as findings name it."""
    path: Path
    """The field that makes the claim."""
    key: str = ""
    """Compared in place of `what`, if not all of that counts."""
    within: tuple[str, ...] = ()
    """Keys of wider claims that include this one: a port on all interfaces, for example."""


class Expected(msgspec.Struct, frozen=True):
    """The entries without which one of a kind has no effect: a queue's consumers, for example."""

    kinds: tuple[str, ...]
    """Kinds, or patterns of kinds, of which at least one entry should refer to it."""
    note: str
    """The note of `validate` on an entry that none of them refers to."""
    hint: str | None = None
    unless: str = ""
    """A field with which the entry has an effect of its own."""


class Linked(Protocol):
    """An entry as the `check` of its kind sees it: with defaults, and references still ids."""

    @property
    def id(self) -> EntryId: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def fields(self) -> Mapping[str, Any]: ...

    def is_literal(self, *path: str | int) -> bool:
        """True if the value at `path` stands in the manifest as it is; false if it came from the
        environment, a file or the command line.
        """
        ...

    def follow(self, *path: str) -> Linked | None:
        """The entry that the field at `path` names; None if there is none."""
        ...


Check = Callable[[Linked], Iterable[Claim | Arguments | Factory | Plain | Problem]]

CheckFiles = Callable[[Linked, FilePath], Iterable[Problem]]

Connect = Callable[[Linked, FilePath], Awaitable[str]]
"""Tries the addresses that an entry names, from the application's folder, and returns what answered
as one line shows it. Raises StartError and Unavailable.
"""

Revise = Callable[[Any, Any, Any, BuildContext], Callable[[], None] | None]
"""Prepares a component for another config. Returns what makes it go on with that, at once and
without fail, or None if it has to be built again. Raises StartError, as `build` does.
"""

Examine = Callable[[Linked, FilePath], Iterable[Remark]]
"""Looks at what an entry needs of this machine, from the application's folder. Changes nothing."""

Multiprocess = Callable[[Linked], Problem | None]
"""Returns the reason why several processes cannot share the entry; None if they can."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of entry: how it is checked and built, and when its component runs.

    `config` is a `msgspec.Struct` or a dataclass whose fields are the schema's properties without
    `name`, `kind` and `lifecycle`. They are filled with defaults; durations are seconds, sizes
    bytes, and references the components they name. `build(config, context)` makes the component. It
    has no side effects beyond memory, and its result depends on nothing else: when a changed
    manifest is applied, the component of an unchanged entry is kept.
    """

    name: str
    config: type[Any]
    build: Callable[[Any, BuildContext], Any]
    stage: Stage | None = None
    """When the component starts, which is then a `Service`; None for one that does not run."""
    runs_with: str | None = None
    """The field without which an entry of a kind with a stage does not run; None if all do."""
    schema: Mapping[str, Any] | None = None
    """The schema of a kind from another package. The built-in ones are in `schemas/kinds/`."""
    check: Check | None = None
    """Checks what the schema cannot. Called once all entries are valid and all references lead to
    an entry.
    """
    check_files: CheckFiles | None = None
    """Checks the files that an entry names, from the application's folder; else as `check`."""
    prepares: str | None = None
    """The field that names what an entry of this kind prepares. Whoever uses that in its code
    starts after the entry, unless the entry does not start with the application.
    """
    expected: Expected | None = None
    """The entries that should refer to one of this kind."""
    unsupported: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Capabilities of the family that this kind does not have, each with the reason. A kind that
    needs one checks this, and refuses the use before anything starts.
    """
    multiprocess: bool | Multiprocess = True
    """True if several processes of one application can share an entry of this kind; a function if
    that depends on the entry.
    """
    describe: Callable[[Linked], str] | None = None
    """Says in a few words what an entry without findings means, where its fields are terse:
    `runtime validate` prints it.
    """
    connect: Connect | None = None
    """Tries the addresses of an entry, for `runtime validate --connect`."""
    examine: Examine | None = None
    """Looks at what an entry needs of this machine, for `runtime doctor`."""
    expand_schema: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Returns the schema with what it leaves open filled in, such as names that other packages may
    add. For pages and editors only, so it may look for them; `check` validates what is left open.
    """
    compose: Callable[[Any, Sequence[Any]], None] | None = None
    """Gives a component those that refer to it, in the manifest's order: a server its routers.
    Called once all components are built, dependents first, and again after every change of the
    manifest, with the component running.
    """
    revise: Revise | None = None
    """`revise(component, before, config, context)` has it go on with a changed config."""
    cost: Callable[[Any], str | None] | None = None
    """Says what is lost with a component that is replaced or removed: `3 waiting messages`."""
    coexists: Callable[[Any, Any], bool] | None = None
    """`coexists(new, old)`: may run while the one that it replaces does; None: if a resource."""
    reads: Callable[[Linked, FilePath], Iterable[FilePath]] | None = None
    """The files and folders besides handlers that an entry is made from, and changes with."""
    bind: Callable[[Linked, int], Sequence[socket]] | None = None
    """Opens a listening socket for each of so many workers, on one address, without accepting. The
    component finds them in `context.scope.sockets`, by its id. Raises StartError.
    """
