"""The notes API as a whole program, beside the same in FastAPI."""
