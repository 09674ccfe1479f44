"""What clients ask: take an order, and list those that are packed."""

from runtime.modules import http, queue, sql


async def take(request):
    """A client that heard no 202 posts again: one order is packed once, by its id."""
    match await request.json():
        case {"id": str(id), "item": str(item)}:
            order = {"id": id, "item": item}
        case _:
            raise http.Error(400, "an order has an id and an item")
    await queue.publish("orders", order, unique=id, unique_while="unfinished")
    http.response().set_status(202)
    return order


async def list_():
    query = (
        sql.builder.select("id", "item", "attempt", "packed_by")
        .from_("packed")
        .order_by("id")
        .limit(100)
    )
    return await query.run_with(sql.get("db")).query()
