"""Durable queues: messages as rows of a database, claimed under a lease and deleted by the ack."""
