"""Watch: tells that somebody has edited a file of an application."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import thread_time

from runtime.manifest.search import is_searched

SHORTEST = 0.1
"""Seconds between two looks."""
_SHARE = 100
"""A look may take one part in so many of the time: 2,000 files take 3 ms."""
ENVIRONMENT = ".env"

_NOT_SOURCE = re.compile(
    r"\..*|.*~|#.*#|4913|.*\.(sw[a-z]|tmp|temp|bak|orig|py[co]|pid|sock|lock)"
    r"|.*___jb_(tmp|old|bak)___|.*\.log(\.\d+)?(\.gz)?"
    r"|.*\.(db|db3|sqlite|sqlite3)|.*-(wal|shm|journal)",
    re.IGNORECASE,
)
"""Names of hidden files, of those that editors and databases keep beside others, and of logs."""
_DATABASE = b"SQLite format 3\0"

_State = dict[str, tuple[int, int, int]]
"""The time of change, the size and the inode of each file: a rename and a second edit in the same
tick are seen.
"""


class Watch:
    """Looks at the files of a folder again and again. Takes no help of the system: on a mounted
    volume that is silent.
    """

    def __init__(self, folder: Path, others: Sequence[Path] = ()) -> None:
        """Edits count from now on; `others` are files elsewhere."""
        self.interval = SHORTEST
        """Seconds until the next look."""
        self._folder = str(folder)
        self._others = [os.path.join(folder, ENVIRONMENT), *map(str, others)]
        self._seen = self._look()
        self._candidate: _State | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def poll(self) -> bool:
        """Look once. Returns true if something was edited, once two looks agree: a file may be
        written in parts.
        """
        began = thread_time()
        now = self._look()
        self.interval = max(SHORTEST, (thread_time() - began) * _SHARE)
        if now == self._seen:
            self._candidate = None
            return False
        if now != self._candidate:
            self._candidate = now
            return False
        edited = {path for path, _ in self._seen.items() ^ now.items()}
        self._seen, self._candidate = now, None
        return not all(map(_is_database, edited))

    def wait(self) -> None:
        """Return once something was edited."""
        while not self._stopping.wait(self.interval):
            if self.poll():
                return

    def start(self, on_edit: Callable[[], None]) -> None:
        """Call `on_edit` in a thread whenever something was edited, until `stop`."""

        def follow() -> None:
            while not self._stopping.wait(self.interval):
                if self.poll():
                    on_edit()

        self._thread = threading.Thread(target=follow, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; `wait` and `poll` may be called after it."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._stopping.clear()

    def _look(self) -> _State:
        return dict(self._files())

    def _files(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        waiting = [self._folder]
        while waiting:
            here = waiting.pop()
            try:
                with os.scandir(here) as found:
                    for each in found:
                        if each.is_dir(follow_symlinks=False):
                            if is_searched(here, each.name):
                                waiting.append(each.path)
                        elif not _NOT_SOURCE.fullmatch(each.name):
                            yield from _state(each.path)
            except OSError:
                continue  # it has gone, or may not be read
        for path in self._others:
            yield from _state(path)


def _state(path: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    try:
        state = os.stat(path)
    except OSError:  # a link to nothing, or it has gone
        return
    yield path, (state.st_mtime_ns, state.st_size, state.st_ino)


def _is_database(path: str) -> bool:
    """True for a database of any name, which the application itself changes."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:
        return False
