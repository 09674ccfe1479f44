"""Schemas: what an entry of a kind may contain, and how a mistake in it is explained."""
