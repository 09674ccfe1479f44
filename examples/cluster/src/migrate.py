"""Make the table. Every replica runs this at its start, one at a time."""

from runtime.modules import sql


async def main():
    await sql.get("db").execute("""
        CREATE TABLE IF NOT EXISTS packed (
            id TEXT PRIMARY KEY,
            item TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            packed_by TEXT NOT NULL
        )
    """)
