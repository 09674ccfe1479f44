"""The SQLite engine: one thread writes in groups, two read, and the event loop never waits."""
