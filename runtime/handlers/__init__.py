"""Handlers: loading Python functions, calling them, and the context of a call."""
