"""runtime tables: print the tables that durable queues need in PostgreSQL."""

from __future__ import annotations

import click

from runtime.cli.options import CommandError
from runtime.findings.extra import how_to_install


@click.command("tables")
@click.option("--sql", is_flag=True, required=True, help="As statements, for psql.")
@click.option("--schema", default="public", show_default=True, help="The schema they are in.")
def command(sql: bool, schema: str) -> None:
    """Print the tables that queue.driver.sql makes in PostgreSQL, for who lets it make none.

    The application's role then needs USAGE of the schema, and SELECT, INSERT, UPDATE and DELETE on
    the tables.
    """
    try:
        from runtime.engines.queue.sql.postgres.tables import ddl
    except ImportError:
        raise CommandError(f"psycopg is not installed; {how_to_install('postgres')}") from None
    print(ddl(schema), end="")
