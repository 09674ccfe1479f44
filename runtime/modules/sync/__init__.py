"""The modules once more, for handlers that are a plain `def`: their calls block."""
