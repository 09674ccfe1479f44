"""A report has all that no report has had yet, so that nothing is left out or told twice."""

from datetime import UTC, datetime
from typing import Annotated, Any

from runtime.modules import http, logger, queue, sql, templates

Database = Annotated[sql.Database, "app:db"]


async def report(message: queue.Message) -> None:
    """Write the report of a planned time. With its mails and this message it is one commit."""
    planned = datetime.fromisoformat(message.headers["x_scheduled_time"])
    mails = await write(sql.transaction(), planned)
    logger.info("report", until=planned.isoformat(), mails=mails)


async def by_hand(db: Database) -> None:
    """Write a report now."""
    async with db.transaction() as tx:
        mails = await write(tx, datetime.now(UTC))
    print("mails to send:", mails)


async def show(db: Database):
    """Show the last report."""
    last = await db.query_one("SELECT max(reported_at) AS at FROM sales")
    if last["at"] is None:
        raise http.Error(404, "nothing was reported yet")
    sold = await sales(db, last["at"])
    return templates.page("templates", "report.html", until=said(last["at"]), sales=sold)


async def write(tx: sql.Transaction, until: datetime) -> int:
    """Report what was sold until then: publish a mail to each reader. Returns their number."""
    mark = "UPDATE sales SET reported_at = ? WHERE reported_at IS NULL AND sold_at < ?"
    await tx.execute(mark, [until, until])
    sold = await sales(tx, until)
    readers = await tx.query("SELECT address FROM readers") if sold else []
    mails = [{"to": to["address"], "until": said(until), "sales": sold} for to in readers]
    return len(await queue.publish_many("mails", mails, transaction=tx))


async def sales(db: sql.Database | sql.Transaction, reported_at: Any) -> list[dict[str, Any]]:
    """The sales of a report by item, the best first."""
    return await db.query(
        "SELECT item, count(*) AS count, CAST(sum(cents) AS BIGINT) AS cents FROM sales"
        " WHERE reported_at = ? GROUP BY item ORDER BY 3 DESC, item",
        [reported_at],
    )


def said(time: datetime | str) -> str:
    """A time as a reader says it; SQLite has times as text."""
    time = datetime.fromisoformat(time) if isinstance(time, str) else time
    return f"{time:%d %B %Y, %H:%M} UTC"
