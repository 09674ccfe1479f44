"""Fork: what a forked child of the program must not use.

A fork copies objects, but neither the threads and the event loop that serve them nor the right to
the sockets and files that they hold. Parts register here and are cut off in the child.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from runtime.loggers import logger

_MEND = (
    "use it in the handler itself, or start the child with multiprocessing's 'spawn' and open a "
    "connection of its own"
)

# Not WeakMethods: one that dies with the interpreter, before what it refers to, prints an error.
_callbacks: WeakKeyDictionary[object, Callable[[Any], None]] = WeakKeyDictionary()
depth = 0
"""The number of forks between the program that was started and this process."""


class ForkedChild(RuntimeError):
    """A part of the application was used in a forked child of its program."""


def forbid_in_child(name: str, made_at: int) -> None:
    """Raise ForkedChild if there was a fork since the `depth` at which something was made."""
    if depth != made_at:
        raise _error(name)


def _error(name: str) -> ForkedChild:
    return ForkedChild(f"{name} cannot be used in a forked child of the program; {_MEND}")


def on_fork(method: Callable[[], None]) -> None:
    """Call a bound method in each forked child, for as long as its object lives; one an object."""
    assert isinstance(method, MethodType)
    _callbacks[method.__self__] = method.__func__


class ParentOnly:
    """Takes the place of an attribute in a child: each access to it raises ForkedChild."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise _error(self._name)


def drop_descriptor(descriptor: int) -> None:
    """In a child, let go of a file that the parent uses; its number stays taken.

    Closed instead, the number would go to another file, which the parent's objects would then use.
    """
    if descriptor < 0:
        return
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)


def end_child(caller: object, error: BaseException | None) -> NoReturn:
    """End a forked child that came back from a handler.

    It would go on as a second program on the same connections, with half of the threads.
    """
    code: object = 0
    log = logger("runtime.handlers")  # redacts secrets, as a print to stderr would not
    entry = {"entry": caller}
    with suppress(Exception):
        if isinstance(error, SystemExit):
            code = error.code
            if isinstance(code, str):
                log.error("%s: a forked child exited: %s", caller, code, extra=entry)
        elif error is not None:
            code = 1
            text = "%s: a forked child failed and ends here"
            log.error(text, caller, exc_info=error, extra=entry)
        else:
            text = (
                "%s: a forked child returned from the handler and ends here; end it with os._exit()"
            )
            log.error(text, caller, extra=entry)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.flush()
    os._exit(code & 0xFF if isinstance(code, int) else 0 if code is None else 1)


def _cut_off() -> None:
    global depth
    depth += 1
    for owner, function in [*_callbacks.items()]:
        # One that fails must not keep the others from it; fork ignores what is raised here.
        with suppress(Exception):
            function(owner)
    _callbacks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cut_off)
