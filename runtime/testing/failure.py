"""Failure: an error that a handler raised, until a test is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import msgspec

from runtime.handlers.place import is_foreign


class Failure(msgspec.Struct, eq=False, kw_only=True):
    """An error that the handler of a message, or the function of a schedule, raised."""

    entry: str
    name: str
    """The message or the run."""
    error: BaseException


def raise_unexpected(
    failures: Sequence[Failure], expected: tuple[type[BaseException], ...]
) -> None:
    """Raise the first error that is of none of the expected classes. Raises AssertionError if there
    is no error at all, though one was expected.
    """
    __tracebackhide__ = True
    others = [failure for failure in failures if not isinstance(failure.error, expected)]
    if others:
        first, *more = others
        first.error.add_note(f"raised in {first.entry} by {first.name}")
        if more:
            first.error.add_note(f"{len(more)} more failed, the next one {more[0].name}")
        raise first.error.with_traceback(_own_traceback(first.error))
    if expected and not failures:
        names = " or ".join(each.__name__ for each in expected)
        raise AssertionError(f"no handler raised {names}")


def _own_traceback(error: BaseException) -> TracebackType | None:
    """The traceback of an error from the first line of the application's own code on, if any."""
    traceback = error.__traceback__
    while traceback is not None and is_foreign(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback or error.__traceback__
