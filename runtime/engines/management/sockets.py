"""Sockets: the Unix sockets by which commands find the programs that run an application.

Each program has its own, named by the application's folder and its process. They are in a folder
that only their user may open, so file rights are the authentication.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LONGEST = 100
"""Bytes of a path that every system accepts as the address of a Unix socket."""
_BACKLOG = 64
_DIGITS = 16
"""Of the hash of a folder: two on one machine do not share 64 bits."""


class NoSocket(Exception):
    """There can be no Unix socket. The text is the reason and the remedy."""


def sockets_folder() -> Path:
    """`runtime` in the user's folder for sockets, else one of the user's own among the temporary
    files.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.path.isabs(given):
        return Path(given, "runtime")
    return Path(tempfile.gettempdir(), f"runtime-{os.geteuid()}")


def other_users() -> list[str]:
    """The users whose programs have sockets among the temporary files, unseen by this one."""
    import pwd  # few have to be told

    found = []
    for folder in Path(tempfile.gettempdir()).glob("runtime-*"):
        text = folder.name.removeprefix("runtime-")
        with suppress(KeyError, OSError):
            if text.isdecimal() and int(text) != os.geteuid() and folder.is_dir():
                found.append(pwd.getpwuid(int(text)).pw_name)
    return sorted(found)


def find_programs(application: Path) -> dict[int, Path]:
    """The sockets of the programs that run the application in that folder, by process.

    Some may be left over from programs that were killed. Empty if the folder is not safe.
    """
    folder = sockets_folder()
    if _fault(folder) is not None:
        return {}
    found = {}
    for path in sorted(folder.glob(f"{_digest(application)}-*.sock")):
        with suppress(ValueError):
            found[int(path.stem.rpartition("-")[2])] = path
    return found


def open_socket(application: Path) -> tuple[socket.socket, Path]:
    """A listening socket of this process, and its path. Removes those that dead programs left.

    Raises NoSocket.
    """
    folder = sockets_folder()
    path = folder / f"{_digest(application)}-{os.getpid()}.sock"
    if len(os.fsencode(path)) > LONGEST:
        raise NoSocket(f"the path '{path}' is too long for a socket; set XDG_RUNTIME_DIR")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoSocket(f"'{folder}' cannot be made: {error.strerror}") from None
    if (fault := _fault(folder)) is not None:
        raise NoSocket(fault)
    for left in find_programs(application).values():
        if not is_alive(left):
            left.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Under another name until it listens: a program that starts now would take it for a leftover.
    early = path.with_suffix(".new")
    try:
        early.unlink(missing_ok=True)
        opened.bind(str(early))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
        early.rename(path)
    except OSError as error:
        opened.close()
        raise NoSocket(f"'{path}' cannot be opened: {error.strerror}") from None
    return opened, path


def is_alive(path: Path) -> bool:
    """True if a program listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
        return True


def _fault(folder: Path) -> str | None:
    """Why sockets in the folder cannot be trusted."""
    try:
        found = folder.lstat()
    except OSError as error:
        return f"'{folder}' cannot be used: {error.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return f"'{folder}' is not a folder; remove it"
    if found.st_uid != os.geteuid():
        return f"'{folder}' belongs to another user; set XDG_RUNTIME_DIR"
    if found.st_mode & 0o077:
        return f"'{folder}' is open to others; close it by 'chmod 700 {folder}'"
    return None


def _digest(application: Path) -> str:
    path = os.fsencode(os.path.realpath(application))
    return hashlib.sha256(path).hexdigest()[:_DIGITS]
