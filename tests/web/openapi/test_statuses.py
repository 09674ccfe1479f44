"""Statuses that are read from the code of a handler."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse

from runtime.engines.web.openapi.statuses import Statuses, read_statuses
from runtime.modules import http

CREATED = http.STATUS.CREATED


async def nothing() -> None: ...


async def always() -> None:
    http.response().set_status(CREATED).write_json({})


async def always_in_a_block() -> None:
    async with None:  # type: ignore[attr-defined]
        http.response().set_status(202)


async def sometimes(new: bool) -> None:
    if new:
        http.response().set_status(201)


async def in_an_error(new: bool) -> None:
    response = http.response()
    try:
        await nothing()
    except ValueError:
        response.set_status(http.STATUS.BAD_REQUEST)


async def raises() -> None:
    raise http.Error(404, "no such task")


async def raises_by_name() -> None:
    raise http.Error(status=http.STATUS.CONFLICT)


def blocking() -> None:
    raise HTTPException(status_code=410)


async def returns_responses(old: bool) -> Any:
    if old:
        return PlainTextResponse("moved", 301, {"location": "/"})
    return JSONResponse({}, status_code=203)


def find(id: int) -> int:
    if id:
        raise http.Error(404)
    return once_more(id)


def once_more(id: int) -> int:
    http.response().set_status(299)  # of a helper: nobody knows on which way
    if id:
        raise http.Error(403)
    return find(id)


async def through_others(id: int) -> int:
    return find(id)


async def unknown(status: int) -> None:
    http.response().set_status(status)
    http.response().set_status(999)
    raise http.Error(status)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (nothing, Statuses()),
        (always, Statuses(201, frozenset({201}))),
        (always_in_a_block, Statuses(202, frozenset({202}))),
        (sometimes, Statuses(set=frozenset({201}))),
        (in_an_error, Statuses(set=frozenset({400}))),
        (raises, Statuses(raised=frozenset({404}))),
        (raises_by_name, Statuses(raised=frozenset({409}))),
        (blocking, Statuses(raised=frozenset({410}))),
        (returns_responses, Statuses(set=frozenset({203}))),
        (through_others, Statuses(raised=frozenset({404, 403}))),
        (unknown, Statuses()),
        (print, Statuses()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_statuses_are_read_from_constants_in_the_code(handler: Any, expected: Statuses) -> None:
    assert read_statuses(handler) == expected
