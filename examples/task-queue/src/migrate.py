"""Make the table. Runs once at every start, and ends."""

from runtime.modules import logger, sql


async def main():
    try:
        await sql.get("app:db").execute("""
            CREATE TABLE IF NOT EXISTS tasks (
                id TEXT PRIMARY KEY,
                payload TEXT NOT NULL,
                status TEXT NOT NULL DEFAULT 'pending',
                result TEXT,
                created_at INTEGER NOT NULL,
                processed_at INTEGER
            )
        """)
    except Exception as error:
        logger.error("migration failed", error=str(error))
        return 1

    logger.info("migration complete")
    return 0
