import base64
import hashlib
import hmac
import json
import time

import pytest

from runtime.testing import running

KEY = "whsec_c2VjcmV0cyBvZiBhIGJhbmssIGZvciB0ZXN0cw=="
TOKEN = "correct-horse-battery"


@pytest.fixture
def ledger():
    """Somebody else's service, in which all goes well until a test says otherwise."""
    with running("ledger") as ledger:
        ledger.put("/failures?count=0")
        yield ledger


@pytest.fixture
def app(ledger):
    environment = {"LEDGER_URL": ledger.url(), "BANK_KEYS": KEY, "OPERATOR_TOKEN": TOKEN}
    with running("shop", environment=environment) as app:
        yield app


@pytest.fixture
def send(app):
    """Send a webhook as the bank does."""

    def send(data, type="payment.received", id="msg_1", age=0, key=KEY, **changed):
        body, timestamp = json.dumps({"type": type, "data": data}), int(time.time()) - age
        headers = {
            "Webhook-Id": id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signature(key, f"{id}.{timestamp}.{body}"),
        }
        return app.post("/webhooks", data=changed.get("body", body), headers=headers)

    return send


def signature(key, content):
    secret = base64.b64decode(key.removeprefix("whsec_"))
    digest = hmac.new(secret, content.encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
