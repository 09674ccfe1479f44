"""Queues in the memory of this process."""
