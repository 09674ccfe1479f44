"""Handlers: Python functions, loaded, called, and given their context."""
