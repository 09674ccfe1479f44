"""Events: published by topic, to every subscriber whose patterns match it."""
