"""Schedules: planned times, and what is done at each of them."""
