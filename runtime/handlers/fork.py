"""Fork: what a forked child of the program must not use.

A fork copies objects, but neither the threads and the event loop that serve them nor the right to
the sockets and files that they hold. Parts register here and are cut off in the child.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakMethod

_MEND = (
    "use it in the handler itself, or start the child with multiprocessing's 'spawn' and open a "
    "connection of its own"
)

_callbacks: set[WeakMethod[Callable[[], None]]] = set()
_child = False


class ForkedChild(RuntimeError):
    """A part of the application was used in a forked child of its program."""


def is_child() -> bool:
    """True in a process that was forked from the program after this module was imported."""
    return _child


def forbid_in_child(name: str) -> None:
    """Raise ForkedChild in a forked child; `name` is what it cannot use."""
    if _child:
        raise ForkedChild(f"{name} cannot be used in a forked child of the program; {_MEND}")


def on_fork(method: Callable[[], None]) -> None:
    """Call a bound method in each forked child, for as long as its object lives."""
    _callbacks.add(WeakMethod(method, _callbacks.discard))


class ParentOnly:
    """Takes the place of an attribute in a child: each access to it raises ForkedChild."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        forbid_in_child(self._name)
        raise AttributeError(attribute)


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


def end_child(caller: object, error: BaseException | None) -> None:
    """End a forked child that came back from a handler; in the program itself, do nothing.

    It would go on as a second program on the same connections, with half of the threads.
    """
    if not _child:
        return
    code: object = 0
    if isinstance(error, SystemExit):
        code = error.code
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    else:
        print(
            f"{caller}: a forked child returned from the handler and ends here; "
            "end it with os._exit()",
            file=sys.stderr,
        )
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.flush()
    if isinstance(code, str):
        print(code, file=sys.stderr, flush=True)
    os._exit(code & 0xFF if isinstance(code, int) else 0 if code is None else 1)


def _cut_off() -> None:
    global _child
    _child = True
    for reference in [*_callbacks]:
        if (method := reference()) is not None:
            # One that fails must not keep the others from it; fork ignores what is raised here.
            with suppress(Exception):
                method()
    _callbacks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cut_off)
