"""Durable queues in SQLite: tables, statements, leases and notifications."""
