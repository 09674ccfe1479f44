"""Arrays: columns of a batch as arrays in PostgreSQL's binary format.

psycopg would look at each element twice, and choose the type of a list of numbers by their size:
that is 2 to 4 times as slow, and a statement would be prepared anew for each combination of types.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from struct import pack
from typing import Any

from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = "!iiIii"
_NULL = pack("!i", -1)
_SIZES = [pack("!i", size) for size in range(1024)]


class Array(ABC):
    """Some values of one type."""

    oid: int
    element: int

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = values if isinstance(values, Sequence) else list(values)

    @abstractmethod
    def encode(self) -> bytes:
        """The array as the server reads it."""

    def _header(self, *, has_null: bool = False) -> bytes:
        return pack(_HEADER, 1, has_null, self.element, len(self.values), 1)


class _Numbers(Array):
    size: int
    code: str

    def encode(self) -> bytes:
        count = len(self.values)
        sized = chain.from_iterable(zip(repeat(self.size), self.values, strict=False))
        return self._header() + pack(f"!{f'i{self.code}' * count}", *sized)


class Bigints(_Numbers):
    oid, element, size, code = 1016, 20, 8, "q"


class Integers(_Numbers):
    oid, element, size, code = 1007, 23, 4, "i"


class Smallints(_Numbers):
    oid, element, size, code = 1005, 21, 2, "h"


class Doubles(_Numbers):
    oid, element, size, code = 1022, 701, 8, "d"


class Booleans(_Numbers):
    oid, element, size, code = 1000, 16, 1, "?"


class Blobs(Array):
    """Values are bytes or None."""

    oid, element = 1001, 17

    def encode(self) -> bytes:
        values = self.values
        if None not in values:
            return b"".join((self._header(), *_sized(values)))
        parts = [self._header(has_null=True)]
        for value in values:
            parts += (_NULL,) if value is None else _sized([value])
        return b"".join(parts)


class Texts(Array):
    """Values are str or None."""

    oid, element = 1009, 25

    def encode(self) -> bytes:
        values = self.values
        if None not in values:
            return b"".join((self._header(), *_sized([value.encode() for value in values])))
        parts = [self._header(has_null=True)]
        for value in values:
            parts += (_NULL,) if value is None else _sized([value.encode()])
        return b"".join(parts)


def _sized(values: Sequence[bytes]) -> Iterable[bytes]:
    sizes = [_SIZES[n] if (n := len(value)) < 1024 else pack("!i", n) for value in values]
    return chain.from_iterable(zip(sizes, values, strict=True))


def _register(kind: type[Array]) -> None:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = kind.oid

        def dump(self, obj: Array) -> bytes:
            return obj.encode()

    adapters.register_dumper(kind, ArrayDumper)


for _kind in (Bigints, Integers, Smallints, Doubles, Booleans, Blobs, Texts):
    _register(_kind)
