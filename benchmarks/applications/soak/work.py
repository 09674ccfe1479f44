import time

from runtime.modules import sql

from .rules import VERSION

NOTE = """
    INSERT INTO {} VALUES (?, 1, ?)
    ON CONFLICT (number) DO UPDATE SET times = times + 1 RETURNING times
"""
DONE, FAILED = NOTE.format("done"), NOTE.format("failed")
KEPT = 120.0
"""Seconds for which a row is kept, so that the tables come to have a size and keep it."""


async def work(body):
    """Do a task: all of kind `never` fail, and those of kind `late` until they are requeued."""
    now, number = time.time(), body["number"]
    if body["kind"] == "never":
        raise ValueError("it never works")
    if body["kind"] == "late":
        (row,) = await sql.get("db").query(FAILED, (number, now))
        if row["times"] <= 3:
            raise LookupError("it works once it is requeued")
    await sql.get("db").query(DONE, (number, now))
    return {"number": number, "version": VERSION}


async def sweep():
    for table in ("done", "failed"):
        await sql.get("db").execute(f"DELETE FROM {table} WHERE at < ?", (time.time() - KEPT,))
