"""Supervision: services are started in order, watched, restarted, and stopped in reverse."""
