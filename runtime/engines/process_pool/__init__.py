"""Processes for handlers that would keep the others from the processor."""
