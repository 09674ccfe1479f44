"""Sales, and the readers of reports about them."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from runtime.modules import http, sql

Database = Annotated[sql.Database, "app:db"]


class Sale(Struct):
    item: Annotated[str, Meta(min_length=1, max_length=100)]
    cents: Annotated[int, Meta(ge=0, le=10**9)]


async def sell(sale: Sale, db: Database) -> None:
    """Note a sale."""
    values = [sale.item, sale.cents, datetime.now(UTC)]
    await db.execute("INSERT INTO sales (item, cents, sold_at) VALUES (?, ?, ?)", values)
    http.response().set_status(201)


async def subscribe(
    address: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)], db: Database
) -> None:
    """Send the reports to an address, too."""
    await db.execute("INSERT INTO readers VALUES (?) ON CONFLICT DO NOTHING", [address])
