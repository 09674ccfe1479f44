"""Schedules: what begins by itself, at planned times."""
