"""Commands: programs of any language, run as services."""
