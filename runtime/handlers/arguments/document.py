"""Document: decodes JSON to a type. Each type has one, compiled when its handler is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import inspect as kinds

from runtime import codec
from runtime.handlers.arguments import defaults, foreign, shape, tree
from runtime.handlers.arguments.faults import Unfit
from runtime.handlers.arguments.walk import find_faults

_FAILURES = (msgspec.MsgspecError, ValueError, RecursionError, TypeError)


class Document(Protocol):
    """Decodes JSON to one type, within the limits of `codec.decode`."""

    def decode(self, data: bytes) -> Any:
        """The value. Raises InvalidJSON for what is no JSON document, Unfit for what is one of
        another shape.
        """
        ...


def document(annotation: Any) -> Document:
    """The decoder of a type. Raises TypeError for a type that no JSON is decoded to."""
    if shape.is_unknown(annotation):
        return AnyDocument()
    if shape.uses_pydantic(annotation):
        from runtime.handlers.arguments.pydantic_document import PydanticDocument

        return PydanticDocument(annotation)
    return MsgspecDocument(annotation)


class AnyDocument:
    """Any JSON."""

    decode = staticmethod(codec.decode)


class MsgspecDocument:
    def __init__(self, annotation: Any) -> None:
        self._kind = check_type(annotation)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(annotation).decode
        self._is_incomplete = defaults.are_left_out(self._kind)

    def decode(self, data: bytes) -> Any:
        try:
            value = self._decode(data)
        except _FAILURES as error:
            raise self._refusal(data, error) from None
        if len(data) > codec.SHALLOW:
            codec.check_depth(data)
        return defaults.complete(value) if self._is_incomplete else value

    def _refusal(self, data: bytes, error: Exception) -> Exception:
        """The error to raise. Raises InvalidJSON, and `error` if it is one of the user's code."""
        value = codec.decode(data)
        if not isinstance(error, msgspec.MsgspecError | RecursionError | UnicodeDecodeError):
            raise error
        return Unfit(find_faults(value, self._kind, error))


def check_type(annotation: Any) -> kinds.Type:
    """A type as msgspec sees it. Raises TypeError for one that no value is decoded to."""
    kind = kinds.type_info(annotation)
    for each in tree.walk(kind):
        if isinstance(each, kinds.CustomType):
            raise TypeError(
                f"no value is made of the class '{each.cls.__qualname__}'; "
                "write a msgspec.Struct, a dataclass or a TypedDict, or the entry that it is: "
                f"Annotated[{each.cls.__name__}, 'id']"
            )
    for problem in foreign.marks_in_records(kind):
        raise TypeError(problem)
    return kind
