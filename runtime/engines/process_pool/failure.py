"""Failure: an exception on its way to another process."""

from __future__ import annotations

import pickle

from runtime.log.traceback import ForeignTraceback, format_traceback


class ProcessEnded(RuntimeError):
    """The process ended before the function did: by a signal, or by an exit of its own."""

    names_its_place = True


class ProcessError(RuntimeError):
    """An exception whose class cannot be sent from a process to another; the text names it."""


class UnsentValue(TypeError):
    """An argument or a result that cannot go from one process to another."""

    names_its_place = True


class Failure:
    """An exception and its traceback, which pickling loses."""

    def __init__(self, error: BaseException) -> None:
        self.text = format_traceback(error)
        self.error = _portable(error)

    def restored(self) -> BaseException:
        """The exception, caused by its traceback."""
        self.error.__cause__ = ForeignTraceback(self.text)
        return self.error


def _portable(error: BaseException) -> BaseException:
    if not isinstance(error, Exception):  # which would end the program
        return RuntimeError(f"the handler raised {type(error).__name__}: {error}")
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # of a class whose arguments are not those of its base, for one
        pass
    return ProcessError(f"{type(error).__name__}: {error}")
