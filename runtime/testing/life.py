"""Life: the starts and the ends of an application in one test, all on the same files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from runtime.entry_id import EntryId
from runtime.findings.finding import ManifestError
from runtime.service import StartError
from runtime.testing.evidence import Evidence
from runtime.testing.host import Host
from runtime.testing.linked import Wish, linked, options, placed
from runtime.testing.program import Program
from runtime.testing.publications import Publications
from runtime.testing.reloaded import Reloaded, done, refused
from runtime.testing.working_copy import Edit, WorkingCopy


class Life:
    """Begins with the application running, here or, for the time of a crash, in another process."""

    def __init__(self, wish: Wish, data: Path) -> None:
        """`data` is a folder for files. Raises ManifestError, StartError and ValueError."""
        name = str(wish.folder)
        self._copy = WorkingCopy(wish.folder, data / "edited") if wish.editable else None
        if self._copy is not None:
            files = tuple(map(self._copy.inside, wish.files))
            wish = replace(wish, folder=self._copy.folder, files=files)
        self._data = data
        self.linked = placed(linked(wish), wish, data)
        self.evidence = Evidence(name)
        self.publications = Publications()
        self._wish = wish
        self._now: float | None = None
        self._program: Program | None = None
        self._host: Host | None = None
        try:
            self._start()
        except BaseException:
            self.evidence.ended = True
            raise

    @property
    def host(self) -> Host:
        """The application in this process. Raises RuntimeError after a crash, and after its end."""
        if self._host is None:
            if self.evidence.ended:
                raise RuntimeError("the application has ended; use it within its 'with' block")
            raise RuntimeError("the application has crashed; call restart()")
        return self._host

    @property
    def runs(self) -> bool:
        """False between a crash and the restart."""
        return self._host is not None

    def crash(self, at: str | None, during: Callable[[], object] | None, limit: float) -> None:
        """End the application here, and let it go on and die in a process of its own."""
        self.host.interrupt()
        self._end()
        changes = options(self.linked, self._wish)
        variables, book = self._wish.environment, self.evidence.book
        self._program = Program(self._wish.folder, changes, variables, at, book)
        try:
            self._program.die(during, limit)
        finally:
            self._program = None

    def reload(self, edits: Mapping[str, Edit], force: bool) -> Reloaded:
        """Change files, and the application to what is there now."""
        host = self.host
        if edits and self._copy is None:
            hint = "give running() 'editable=True', and it runs a copy of the folder"
            raise RuntimeError(f"the files of this application are your own; {hint}")
        if self._copy is not None:
            self._copy.edit(edits)
        try:
            plan = host.reload(lambda: placed(linked(self._wish), self._wish, self._data), force)
        except (ManifestError, StartError) as error:
            return refused(error)
        self.linked = host.application.linked
        return done(plan)

    def restart(self) -> None:
        """Start the application again, after it was ended if it still runs."""
        if self._host is not None:
            self._end()
        self._start()

    def stop(self) -> None:
        """End the application for good."""
        self.evidence.ended = True
        if self._host is not None:
            self._end()

    def address(self, server: EntryId | None) -> str:
        """The URL of a server; without an id, of the only one. Raises LookupError."""
        addresses = (self._program or self.host).addresses
        if server is None and len(addresses) == 1:
            return next(iter(addresses.values()))
        if server is None:
            named = ", ".join(map(str, addresses)) or "none"
            raise LookupError(f"name the server that is asked, 'server=': {named}")
        if server not in addresses:
            raise LookupError(f"'{server}' is no server that runs")
        return addresses[server]

    def in_hand(self) -> str:
        """A line of text for each message and request in hand, after a line break."""
        lines = () if self._host is None else self._host.quiet.in_hand()
        return "".join(f"\n  {line}" for line in lines)

    def _start(self) -> None:
        self._host = Host(self.linked, self.evidence, self.publications, self._now)

    def _end(self) -> None:
        host, self._host = self.host, None
        self._now = host.clock.time()
        host.stop()

    def id(self, text: str) -> EntryId:
        """The entry of that id, or the only one of that name. Raises LookupError."""
        ids = self.linked.links
        named = [id for id in ids if id.name == text]
        if ":" in text or len(named) != 1:
            namespaces = {id.namespace for id in named or ids}
            namespace = namespaces.pop() if named or len(namespaces) == 1 else ""
            return self.host.application.scope.id(text, namespace)
        return named[0]
