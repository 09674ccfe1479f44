"""Terminal: tells if the terminal on which a program was started is still there."""

from __future__ import annotations

import os

_DESCRIPTORS = (0, 2)


class Terminal:
    """The terminals behind standard input and standard error, at the start."""

    def __init__(self) -> None:
        self._had = [each for each in _DESCRIPTORS if _is_terminal(each)]

    @property
    def is_gone(self) -> bool:
        """True once one of them was closed."""
        return not all(map(_is_terminal, self._had))


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
