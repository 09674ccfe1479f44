"""Arguments: the parameters of a handler, by their annotations: their sources, types and faults."""
