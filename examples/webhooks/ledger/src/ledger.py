"""Somebody else's service, to try things with. It forgets all when it ends."""

from typing import Annotated

from msgspec import Meta, Struct

from runtime.modules import http


class Booking(Struct):
    order: str
    amount: Annotated[int, Meta(gt=0)]


booked: dict[str, Booking] = {}
failures = 1
"""The number of requests to come that are answered with 503."""


async def book(booking: Booking, idempotency_key: Annotated[str, http.Header]) -> None:
    """Book once for each key."""
    global failures
    if failures:
        failures -= 1
        raise http.Error(503, "the ledger is being mended")
    booked.setdefault(idempotency_key, booking)
    http.response().set_status(201)


async def bookings() -> list[Booking]:
    """List all that is booked."""
    return [*booked.values()]


async def fail(count: Annotated[int, http.Query]) -> None:
    """Fail so many times from now on."""
    global failures
    failures = count
