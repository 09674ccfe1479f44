"""Limits: what no program in Python on this machine is quicker than."""
