"""Operation arguments: those that somebody sent for an operation, checked against its function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_type_hints

import msgspec

from runtime.findings.suggestion import did_you_mean


def check_arguments(
    operation: str, function: Callable[..., Any], arguments: Mapping[str, Any]
) -> None:
    """Raise ValueError for an argument that is missing, unknown or of another type."""
    parameters, types = _of(function)
    for name, value in arguments.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters) or f"there is {', '.join(parameters) or 'none'}"
            raise ValueError(f"'{operation}' has no argument '{name}'; {hint}")
        try:
            msgspec.convert(value, types.get(name, Any))
        except msgspec.ValidationError as error:
            text = str(error)
            raise ValueError(f"'{name}': {text[:1].lower()}{text[1:]}") from None
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ValueError(f"'{operation}' needs an argument '{name}'")


@cache
def _of(function: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], Mapping[str, Any]]:
    return inspect.signature(function).parameters, get_type_hints(function)
