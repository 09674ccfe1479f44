"""Kind: what the author of a kind imports, and what a kind promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from runtime.context import Scope
from runtime.entry import EntryId
from runtime.finding import Path, Position, Problem

if TYPE_CHECKING:
    from socket import socket


class LoadedHandler(Protocol):
    """A Python function, ready to be called: on the loop, or in a thread if it is `blocking`."""

    @property
    def function(self) -> Callable[..., Any]: ...

    @property
    def blocking(self) -> bool: ...

    @property
    def takes_argument(self) -> bool: ...

    def __call__(self, *arguments: Any) -> Awaitable[Any]: ...


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


class Stage(IntEnum):
    """When a service starts, among those that do not need each other; stop goes in reverse."""

    RESOURCE = 0
    PROCESS = 1
    CONSUMER = 2
    SERVER = 3


class StartError(Exception):
    """A service cannot start until somebody mends something: a taken port, a broken file.

    At the first start it is not tried again: the application ends, with exit code 4. Later, when a
    service that ran is started again, it is a failure like any other, by the restart policy: a port
    may become free.

    The text is one sentence for the operator: lower case, no full stop, with the mend.
    """


class Unavailable(Exception):
    """Something is not there *yet*: a service's start is tried again by its restart policy, and
    uncaught in an HTTP handler it is answered with 503.
    """

    http_status = 503
    retry_after = 1.0


class Ready(Protocol):
    """Called once by a service when others may rely on it. `where` is shown: an address, a file."""

    def __call__(self, where: str = "") -> None: ...


class Service(Protocol):
    """A component that runs.

    `run` starts up, calls `ready()`, works until `stop` is set, finishes what is in hand, cleans
    up and returns. To return before `stop` is to be done: 0 or None ended well (and counts as
    ready), any other number failed. To raise is to fail. Before the first `ready`, only
    `Unavailable` is tried again; after it, any failure is restarted by the entry's policy. `run` is
    then called again on the same component. `StartError` and `Unavailable` are told without a
    traceback. `ready` may be called once a run; `start_timeout` counts
    until then. After `stop` the service has `stop_timeout`; then its task is cancelled and has half
    a second to give back what it holds. A run must tolerate `stop` being set before it began.
    """

    async def run(self, ready: Ready, stop: asyncio.Event) -> int | None: ...


class BuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder is given besides its config."""

    id: EntryId
    scope: Scope
    handlers: Handlers
    """What loads the Python functions that entries name."""
    folder: FilePath
    """The application's folder: relative paths of the manifest start here."""
    manifest_folder: FilePath
    """The folder of the manifest that declares the entry: `file://` starts here."""
    position: Callable[..., Position]
    """`position("source")`: where a field of the entry stands, for errors."""

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
    bind: Callable[[Linked, int], Sequence[socket]] | None = None
    """Opens a socket for each of so many workers, on one address, and lets no client in yet. The
    component finds them in `context.scope.sockets`, by its id. Raises StartError.
    """
