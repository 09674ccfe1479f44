"""Data of the application."""
