"""The modules that handlers import."""
