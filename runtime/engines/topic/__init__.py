"""Topics: values that reach whoever listens, in all programs on a database."""
