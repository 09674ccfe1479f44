"""Linking: entries become a checked graph of typed references."""
