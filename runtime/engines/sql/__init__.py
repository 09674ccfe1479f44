"""SQL databases: the contract, the query builder, and an engine for each database."""
