"""The HTTP/1.1 protocol on top of uvicorn: everything that touches its internals."""
