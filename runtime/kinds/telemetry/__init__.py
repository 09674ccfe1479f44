"""Telemetry: who is told of what an application does."""
