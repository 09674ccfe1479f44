"""Resources of one's own: what a Python function makes is held while the application runs."""
