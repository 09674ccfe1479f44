"""Trace context: the header by which a trace goes on in another program, as the W3C has it."""

from __future__ import annotations

import re
from typing import NamedTuple

TRACEPARENT = "traceparent"
"""The header of a request or message that names the parent span in another task or program."""


class Parent(NamedTuple):
    """A span of another task or program."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    sampled: bool = True
    """True if the other side keeps its part of the trace."""


def parse_traceparent(text: str) -> Parent | None:
    """The parent that a `traceparent` names; None if it is malformed."""
    match = re.fullmatch(_TRACEPARENT, text)
    if match is None or (match["version"] == "00" and match["more"]):
        return None
    return Parent(match["trace"], match["span"], bool(int(match["flags"], 16) & _SAMPLED))


_SAMPLED = 1
_TRACEPARENT = (
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
