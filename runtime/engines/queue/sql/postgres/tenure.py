"""Tenure: the time in which a store has one owner, which is one session of its keeper."""

from __future__ import annotations

import msgspec

_TERM = 32
"""The tokens of a message's row take the bits below."""
_TOKEN = (1 << _TERM) - 1


class Tenure(msgspec.Struct, frozen=True):
    """A store that lost its session takes another owner: the server may have crashed, and forgotten
    what was claimed. So the same token may be given to a later claim, even of the same program:
    outside of the tables, tokens bear the `term` of the owner that they were given to.
    """

    owner: int
    term: int
    """The number of owners that the store had before."""
    schema: str
    pid: int
    backend_start: str

    def mark(self, token: int) -> int:
        """The token of a row, as it is handed out."""
        return self.term << _TERM | token

    def token(self, marked: int) -> int:
        """The token of a row; -1, which none has, if it was handed out under another owner."""
        return marked & _TOKEN if marked >> _TERM == self.term else -1
