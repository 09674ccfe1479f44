"""Trust: TLS to a server whose certificate is for another name, or signed by itself."""

from __future__ import annotations

import ssl


def trusting() -> ssl.SSLContext:
    """A context for clients that trusts any server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
