"""Queues: what handlers publish to, and consumers take from.

What a queue is stands in `runtime.messaging`, which knows nothing of manifests; other families
take it from here.
"""

from __future__ import annotations

from runtime.messaging.delivery import Delivery
from runtime.messaging.message import Message
from runtime.messaging.queue import Queue

__all__ = ["Delivery", "Message", "Queue"]
