"""Stores: values by key, with a time to live."""
