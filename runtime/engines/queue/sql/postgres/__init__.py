"""Durable queues in PostgreSQL."""
