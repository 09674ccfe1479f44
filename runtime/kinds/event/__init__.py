"""Events: what happened, told to whoever wants to know."""
