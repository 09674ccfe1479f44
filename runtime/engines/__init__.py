"""The engines: servers, queues and databases, which know nothing of manifests."""
