"""Queues: what handlers publish to, and consumers take from.

What a queue is stands in `runtime.engines.queue`, which knows nothing of manifests; other families
take it from here.
"""

from __future__ import annotations

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue

__all__ = ["Delivery", "Message", "Queue"]
