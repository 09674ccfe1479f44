"""The HTTP engine: from a socket to a call, and back. It knows nothing of manifests."""
