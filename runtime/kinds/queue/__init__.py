"""Queues: handlers publish messages to them, consumers receive from them.

Other families of kinds import these names from here, not from `runtime.engines.queue`.
"""

from __future__ import annotations

from runtime.engines.queue.delivery import Delivery
from runtime.engines.queue.message import Message
from runtime.engines.queue.queue import Queue
from runtime.kind import Arguments, Sources

__all__ = ["Delivery", "Message", "Queue", "called_by"]


def called_by(caller: str, *, has_message: bool = True, least: int = 1) -> Arguments:
    """The arguments that `func` is called with by what findings name `caller`; `least` is how many
    positional parameters it must have if they are not annotated.
    """
    sources = Sources(
        caller=caller,
        locations=frozenset({"body"}),
        given=frozenset({"message", "logger"} if has_message else {"logger"}),
        one_body=True,
    )
    return Arguments(("func",), least, 1, caller, by_annotation=True, sources=sources)
