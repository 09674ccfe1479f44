"""Queues: messages, drivers, consumers and retries."""
