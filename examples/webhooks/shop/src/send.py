"""Play the bank."""

import time
from urllib.request import Request, urlopen
from uuid import uuid4

from runtime.modules.sync import json, registry

from .signature import sign


def send(amount: int, id: str = "", url: str = "http://localhost:8080/webhooks") -> None:
    """Send a webhook about a payment; the same ID again is the same webhook."""
    id, now = id or f"msg_{uuid4().hex}", int(time.time())
    event = {"type": "payment.received", "data": {"order": f"of {id}", "amount": amount}}
    body = json.encode(event).encode()
    headers = {
        "Webhook-Id": id,
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": sign(registry.get("bank")["keys"].split()[0], id, now, body),
    }
    with urlopen(Request(url, body, headers), timeout=10) as answer:
        print(answer.status, answer.reason)
