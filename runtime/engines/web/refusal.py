"""Refusal: the response 422 to a request whose values do not fit, with all faults at once."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.codec import InvalidJSON
from runtime.engines.web.problem import HTTPError
from runtime.handlers.arguments.faults import MOST, Fault, Unfit, count
from runtime.handlers.arguments.signature import Parameter


class Refusal:
    """Collects faults. None of the request's values is in it."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._parameters = parameters
        self.errors: list[dict[str, str]] = []

    def add(self, error: Unfit) -> None:
        """Add the faults of parameters, whose paths begin with the parameter's name."""
        self.errors += [self._describe(fault) for fault in error.faults]

    def add_body(self, error: Unfit | InvalidJSON) -> None:
        """Add the faults of the body. Raises `HTTPError` 400 for one that is no JSON at all."""
        if isinstance(error, InvalidJSON):
            raise HTTPError(400, f"the body is not valid JSON: {error}") from None
        self.errors += [
            {"in": "body", "pointer": fault.pointer, "detail": fault.detail}
            for fault in error.faults
        ]

    def error(self) -> HTTPError:
        errors = self.errors[:MOST]
        return HTTPError(422, f"{count(errors)} the request", errors=errors)

    def _describe(self, fault: Fault) -> dict[str, str]:
        name, *inner = fault.path
        parameter = self._parameters[str(name)]
        alias, detail = parameter.alias, fault.detail
        if parameter.is_whole and inner:
            alias, *inner = str(inner[0]), *inner[1:]
        if inner and isinstance(inner[0], int):
            detail = f"item {inner[0] + 1} {detail}"
        return {"in": parameter.location, "name": alias, "detail": detail}
