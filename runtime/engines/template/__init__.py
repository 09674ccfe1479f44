"""Templates: texts with placeholders, by Jinja."""
