"""Pack an order: the row and the end of the message are one commit."""

import asyncio
import socket

from runtime.modules import queue, sql


async def pack(order):
    await asyncio.sleep(0.02)  # pretend to work, before the transaction begins
    insert = (
        sql.builder.insert("packed")
        .columns("id", "item", "attempt", "packed_by")
        .values(order["id"], order["item"], queue.message().attempt, socket.gethostname())
        .on_conflict_do_nothing()
    )
    await insert.run_with(sql.transaction()).execute()
