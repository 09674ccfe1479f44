"""PydanticDocument: decodes JSON to models of pydantic, by pydantic itself.

Imported only where a handler's annotation has such a model, so that pydantic is loaded already.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from runtime import codec
from runtime.handlers.arguments import shape
from runtime.handlers.arguments.faults import MOST, Fault, Unfit, is_repeatable

_BEGINNING = re.compile(r"^\w+ should (be|have|match)\b")
_OWN_WORDS = {"missing": "is missing", "extra_forbidden": "unknown field"}


class PydanticDocument:
    def __init__(self, annotation: Any) -> None:
        """Raises TypeError for a type that pydantic does not take."""
        pydantic: Any = sys.modules["pydantic"]
        cls = shape.bare(annotation)
        self._error: type[Any] = pydantic.ValidationError
        try:
            model: Any = cls
            self._validate: Any = (
                model.model_validate_json
                if isinstance(cls, type) and issubclass(cls, pydantic.BaseModel)
                else pydantic.TypeAdapter(annotation).validate_json
            )
        except pydantic.errors.PydanticUserError as error:
            raise TypeError(str(error).partition("\n")[0]) from error

    def decode(self, data: bytes) -> Any:
        value = codec.decode(data)  # pydantic itself would take NaN, and nest deeper
        try:
            return self._validate(data)
        except self._error as error:
            problems: list[Any] = error.errors(
                include_url=False, include_context=False, include_input=False
            )
            raise Unfit([_fault(each, value) for each in problems[:MOST]]) from None


def _fault(problem: Any, value: Any) -> Fault:
    """A problem of pydantic's with the path in the document, without the names of types in it."""
    path: list[str | int] = []
    *outer, last = problem["loc"] or (None,)
    for step in outer:
        if _has(value, step):
            path.append(step)
            value = value[step]
    shown = not isinstance(last, str) or is_repeatable(last)
    if last is not None and shown and (_has(value, last) or problem["type"] == "missing"):
        path.append(last)
    text: str = problem["msg"]
    text = _BEGINNING.sub(r"must \1", text.removeprefix("Value error, "))
    return Fault(tuple(path), _OWN_WORDS.get(problem["type"], text))


def _has(value: Any, step: object) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and -1 < step < len(value)
