"""Queues: no-op tasks through PostgreSQL and RabbitMQ, ours beside other tools on one server."""
