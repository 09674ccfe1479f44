"""NamedArguments: what a function is called with that is called by name, and not for a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from runtime.entry_id import EntryId
from runtime.handlers.arguments import hints
from runtime.handlers.arguments.given import GIVEN, Getter, component_getter, given_getter
from runtime.handlers.arguments.origin import split
from runtime.handlers.arguments.signature import EMPTY
from runtime.handlers.context import ApplicationContext
from runtime.service import StartError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


class NamedArguments:
    """Values by the names of parameters, and for the others the entries that annotations name."""

    def __init__(
        self,
        function: Callable[..., Any],
        values: Mapping[str, Any],
        scope: ApplicationContext,
        namespace: str,
        *,
        blocking: bool,
    ) -> None:
        """Raises StartError, with the place of the function, for a value that is not of the type
        of its parameter, and for an annotation that cannot be read.
        """
        self._values = {**values}
        self._getters: dict[str, Getter] = {}
        for each in _annotated(function):
            is_value = each.name in values
            try:
                annotation, marks = split(hints.resolve(function, each.name, each.annotation))
            except StartError:
                if is_value or each.default is not EMPTY:
                    continue  # it may be of the sort that only a type checker can read
                raise
            ids = [mark for mark in marks if isinstance(mark, str)]
            if is_value:
                self._values[each.name] = _converted(
                    values[each.name], annotation, f"{hints.place(function)}: '{each.name}'"
                )
            elif ids:
                id = str(EntryId.parse(ids[0], namespace))
                self._getters[each.name] = component_getter(scope, id, blocking=blocking)
            elif get := given_getter(annotation, GIVEN):
                self._getters[each.name] = get

    def __bool__(self) -> bool:
        """True if there is anything to fill in."""
        return bool(self._values or self._getters)

    def __contains__(self, name: str) -> bool:
        return name in self._values or name in self._getters

    def filled(self) -> dict[str, Any]:
        """The keyword arguments, with the entries as they are now. Raises what a component that is
        not running raises.
        """
        return self._values | {name: get(None) for name, get in self._getters.items()}


def _annotated(function: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """The parameters with an annotation; those of an installed class are not ours to read."""
    if isinstance(function, type):
        return
    for each in hints.parameters(function):
        if each.annotation is not EMPTY and each.kind not in _POSITIONAL:
            yield each


def _converted(value: Any, annotation: Any, what: str) -> Any:
    """A value of a manifest as its parameter has it: `5` as a float, text as a Path or a UUID."""
    try:
        return msgspec.convert(value, annotation, strict=False, dec_hook=_made)
    except msgspec.ValidationError as error:
        raise StartError(f"{what} does not fit: {error}") from None
    except (TypeError, _Foreign):
        return value


class _Foreign(Exception):
    """A type that nothing of a manifest can be made into."""


def _made(wanted: type, value: Any) -> Any:
    if issubclass(wanted, PurePath):
        return wanted(value)
    raise _Foreign
