"""The SQLite engine: one thread writes in groups, two read, and nobody waits on the loop."""

from __future__ import annotations
