"""A PostgreSQL database: a pool of connections on one event loop."""
