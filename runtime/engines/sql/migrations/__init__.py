"""Migrations: the steps of a database's schema, as files that are applied once and in order."""
