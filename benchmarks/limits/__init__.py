"""Limits: programs that nothing in Python can beat on this machine."""
