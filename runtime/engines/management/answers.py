"""Answers: a value as JSON, and the numbers of a query."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from runtime import codec
from runtime.engines.web.problem import HTTPError


def sent(value: Any) -> Response:
    """A response with a value as JSON."""
    return Response(codec.encode_response(value), media_type="application/json")


def numbered(name: str, text: str | None, default: int, most: int) -> int:
    """A number from 1 to `most` of a query. Raises HTTPError."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
        raise HTTPError(400, f"'{name}' is '{text[:20]}', not a number from 1 to {most:,}")
    return int(text)
