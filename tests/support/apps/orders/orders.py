"""POST /api/orders: what an order costs."""

from __future__ import annotations

import random
import time

from runtime.modules import http, logger

PRICE = 9.99


async def create():
    request, response = http.request(), http.response()
    try:
        body = await request.json()
    except http.Error:
        body = None
    if not isinstance(body, dict) or not body.get("item"):
        response.set_status(http.STATUS.BAD_REQUEST)
        return {"error": "missing 'item' field"}

    amount = number(body.get("amount"), 1)
    price = number(body.get("price"), PRICE)
    order = {
        "id": f"{int(time.time())}-{random.randrange(1000, 10000)}",
        "item": body["item"],
        "amount": amount,
        "price": price,
        "total": amount * price,
    }
    logger.info("order created", id=order["id"])
    response.set_status(http.STATUS.CREATED)
    return {"order": order}


def number(value, default):
    try:
        result = float(value)
    except (TypeError, ValueError):
        return default
    return int(result) if result.is_integer() else result
