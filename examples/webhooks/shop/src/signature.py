"""Signatures as https://www.standardwebhooks.com has them: of id, time, and body as sent."""

import base64
import hashlib
import hmac
import time
from typing import Annotated

from msgspec import Meta

from runtime.modules import http, registry

TOLERANCE = 300
"""Seconds. An older webhook may be one that somebody has recorded."""


async def check(
    request: http.Request,
    body: Annotated[bytes, http.Body],
    webhook_id: Annotated[str, http.Header, Meta(min_length=1, max_length=200)],
    webhook_timestamp: Annotated[int, http.Header],
    webhook_signature: Annotated[str, http.Header],
):
    """Let in what the bank has signed. While it changes its key there are two of them."""
    if abs(time.time() - webhook_timestamp) > TOLERANCE:
        raise http.Error(401, "the webhook is too old, or from the future")
    for key in registry.get("bank")["keys"].split():
        expected = sign(key, webhook_id, webhook_timestamp, body).encode()
        for given in webhook_signature.split():
            if hmac.compare_digest(given.encode(), expected):
                request.state.webhook_id = webhook_id
                return
    raise http.Error(401, "the signature is wrong")


def sign(key: str, id: str, timestamp: int, body: bytes) -> str:
    content = f"{id}.{timestamp}.".encode() + body
    secret = base64.b64decode(key.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
