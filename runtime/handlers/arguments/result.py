"""Result: compares what a handler returned with the annotation of its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from runtime.handlers.arguments import shape
from runtime.handlers.arguments.document import check_type
from runtime.handlers.arguments.faults import Unfit
from runtime.handlers.arguments.signature import EMPTY, Signature
from runtime.handlers.arguments.walk import find_faults


class UnfitResult(TypeError):
    """A handler returned a value that does not fit the annotation of its result."""


def result_check(signature: Signature) -> Callable[[Any], None] | None:
    """A function that raises UnfitResult, with the places, for a result that does not fit.

    None if the annotation says nothing of a JSON value: there is none, it is `Any`, a response.
    """
    annotation = signature.returns
    if annotation is EMPTY or shape.is_unknown(annotation) or shape.uses_pydantic(annotation):
        return None
    try:
        kind = check_type(annotation)
    except (TypeError, NameError):
        return None

    def check(value: Any) -> None:
        try:
            plain = msgspec.to_builtins(value)
        except (TypeError, ValueError):
            return  # which is no result at all, and is told as such
        try:
            msgspec.convert(plain, annotation)
        except (msgspec.ValidationError, RecursionError) as error:
            faults = Unfit(find_faults(plain, kind, error))
            text = f"{signature.place}: the result does not fit its annotation: {faults}"
            raise UnfitResult(text) from None

    return check
