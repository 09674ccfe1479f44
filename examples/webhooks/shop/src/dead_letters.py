"""Payments that the ledger refused, or did not take in eight attempts."""

from contextlib import suppress

from runtime.modules import queue


async def list_all():
    """List the oldest hundred dead letters."""
    return await queue.dead_letters("payments")


async def requeue():
    """Deliver all of them again: the ledger is back, or mended."""
    count = 0
    for letter in await queue.dead_letters("payments", limit=1000):
        with suppress(queue.NoDeadLetter, queue.RequeuedTooOften):  # it has gone, or died ten times
            await queue.requeue("payments", letter)
            count += 1
    return {"requeued": count}
