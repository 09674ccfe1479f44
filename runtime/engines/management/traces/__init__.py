"""Traces: what was kept of requests and messages, and errors by their place."""
