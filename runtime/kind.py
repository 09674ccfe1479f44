"""Kind: what the author of a kind imports, and what a kind promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.clock import REAL, Clock
from runtime.entry_id import EntryId
from runtime.findings.finding import Path, Position, Problem
from runtime.handlers.context import ApplicationContext
from runtime.handlers.invocation import Invocation, LoadedHandler
from runtime.service import Ready, Service, Stage, StartError, Unavailable
from runtime.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    from socket import socket

__all__ = [
    "Arguments",
    "BuildContext",
    "Check",
    "Claim",
    "EntryId",
    "Handlers",
    "Invocation",
    "Kind",
    "Linked",
    "LoadedHandler",
    "Problem",
    "Ready",
    "Service",
    "Shared",
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
        """Import and take a function. Raises StartError with the line that failed."""
        ...


class BuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder is given besides its config."""

    id: EntryId
    scope: ApplicationContext
    handlers: Handlers
    """What loads the Python functions that entries name."""
    folder: FilePath
    """The application's folder: relative paths of the manifest start here."""
    manifest_folder: FilePath
    """The folder of the manifest that declares the entry: `file://` starts here."""
    position: Callable[..., Position]
    """`position("source")`: where a field of the entry stands, for errors."""

    clock: Clock = REAL
    """The time that the component goes by."""
    telemetry: Telemetry = OFF
    """Where the component tells of what it does."""

    def path(self, text: str) -> FilePath:
        """A path from the manifest, made absolute from the application's folder."""
        return self.folder / text


class Claim(msgspec.Struct, frozen=True):
    """Something that only one entry may have: a route on a server, a name on a driver."""

    owner: EntryId | None
    """Among whose claims it must be the only one; None for the whole application."""
    what: str
    path: Path
    """The field that makes the claim."""
    key: str = ""
    """What is compared in place of `what`, if not all that is shown counts."""
    within: tuple[str, ...] = ()
    """Keys of wider claims that this would be a part of: a port of all interfaces, for one."""


class Arguments(msgspec.Struct, frozen=True):
    """How many positional arguments the handler that `path` names will be called with."""

    path: Path
    least: int
    most: int
    caller: str
    """Who calls, for the sentence: `an endpoint`, `a consumer`."""


class Linked(Protocol):
    """An entry with its defaults in and its ids still ids, as a kind's `check` sees it."""

    @property
    def id(self) -> EntryId: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def fields(self) -> Mapping[str, Any]: ...

    def follow(self, *path: str) -> Linked | None:
        """The entry that the field at `path` names; None if there is none."""
        ...


Check = Callable[[Linked], Iterable[Claim | Arguments | Problem]]

Shared = Callable[[Linked], Problem | None]


class Kind(msgspec.Struct, frozen=True):
    """The recipe of one sort of entry.

    `config` is a `msgspec.Struct`, or a dataclass, whose fields are the schema's properties
    (without `name`, `kind` and `lifecycle`), filled with defaults, durations as seconds, sizes as
    bytes, and references as the components they name. `build(config, context)` makes the component
    and has no side effects beyond memory; a kind with a `stage` builds a `Service`. `schema` is
    given only by kinds from outside; the built-in ones have theirs in `schemas/kinds/`. `check`
    says what the schema cannot: it is asked once all entries are valid by their schemas and
    references lead somewhere.
    `lacks` names what the family has and this kind has not, with the reason: whoever needs it looks
    there, and refuses the use before anything starts.
    """

    name: str
    config: type[Any]
    build: Callable[[Any, BuildContext], Any]
    stage: Stage | None = None
    schema: Mapping[str, Any] | None = None
    check: Check | None = None
    lacks: Mapping[str, str] = msgspec.field(default_factory=dict)
    shared: bool | Shared = True
    """Whether several processes of one application may each run it and mean the same thing; a
    function if that depends on the entry: it says what is in the way.
    """
    expand_schema: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Returns the schema with what it leaves open filled in, such as names that other packages may
    add. For pages and editors only, so it may look for them; `check` validates what is left open.
    """
    compose: Callable[[Any, Sequence[Any]], None] | None = None
    """Gives a component those that refer to it, in the manifest's order: a server its routers. It
    is called after everything is built, dependents first, and again whenever one of them changed.
    """
    bind: Callable[[Linked, int], Sequence[socket]] | None = None
    """Opens a socket for each of so many workers, on one address, and lets no client in yet. The
    component finds them in `context.scope.sockets`, by its id. Raises StartError.
    """
