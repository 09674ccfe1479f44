"""Stores: values by key, for handlers."""
