"""Findings: what is wrong with a manifest, with position and fix."""
