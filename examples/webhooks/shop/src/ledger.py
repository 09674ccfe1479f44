"""Payments are told to the ledger, a service on the net: slow at times, away at others."""

from typing import Annotated, Any

import httpx

from runtime.modules import queue

Ledger = Annotated[httpx.AsyncClient, "app:ledger"]


async def connect(url: str):
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        yield client


async def book(payment: dict[str, Any], ledger: Ledger) -> None:
    """Book a payment. After a crash it is told twice, and the key says that it is the same."""
    key = {"Idempotency-Key": payment.pop("webhook")}
    answer = await ledger.post("/bookings", json=payment, headers=key)
    if answer.is_client_error and answer.status_code != 429:
        raise queue.Reject(f"the ledger refuses it: {answer.text}")  # it would do so tomorrow, too
    answer.raise_for_status()  # tried again, later and later
