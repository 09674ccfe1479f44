"""Queues: handlers publish messages to them, consumers receive from them.

Other families of kinds import these names from here, not from `runtime.engines.queue`.
"""

from __future__ import annotations

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue

__all__ = ["Delivery", "Message", "Queue"]
