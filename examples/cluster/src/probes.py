"""The answers to an orchestrator."""

from runtime.modules import sql


async def livez():
    """The event loop turns. Nothing else: a restart mends no database."""
    return {"alive": True}


async def readyz():
    """The database answers; otherwise 503, and the Service sends its requests elsewhere."""
    await sql.get("db").query_one("SELECT 1")
    return {"ready": True}
