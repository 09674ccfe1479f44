"""Messaging: queues, their messages, and the workers that hand them to functions."""
