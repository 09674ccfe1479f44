"""Durable queues: messages as rows of a database, claimed by lease and never popped."""
