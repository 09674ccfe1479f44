"""Findings: problems of a manifest, each with its position and a hint."""
