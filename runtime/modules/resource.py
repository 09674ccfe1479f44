"""resource: what the functions of `resource.python` entries hand out.

client = resource.get("app:client")
answer = await client.get("https://example.com")
"""

from __future__ import annotations

from typing import Any

from runtime.engines.resource.resource import ResourceClosed
from runtime.handlers.context import component
from runtime.service import Unavailable

__all__ = ["ResourceClosed", "Unavailable", "get"]


def get(id: str) -> Any:
    """The value of a resource; a bare name means the namespace of the calling entry.

    Raises LookupError for an unknown entry, TypeError for one that is no resource, ResourceClosed
    for one that is not running.
    """
    return component(id, "resource", "resource.*", "handed_out").handed_out()
