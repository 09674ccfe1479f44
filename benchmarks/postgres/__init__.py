"""Postgres: what a queue on a PostgreSQL server does as it grows, ages, and is shared."""
