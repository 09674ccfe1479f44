"""The SQLite engine: one thread writes in groups, two read, and the event loop, which does what is
small itself, never waits."""
