"""JSON Schemas of the kinds: validation, defaults, references, and error messages."""
