"""Logging: one line per event on stderr."""
