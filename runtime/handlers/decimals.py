"""Decimals: a `decimal` context of its own for each call.

Copies of a context share its decimal context, an object that handlers change in place: precision
and flags of one call would be those of the next. Without a decimal context, each call makes one.
"""

from __future__ import annotations

import contextvars
import sys

in_use = False
"""True if there is one that calls would share, since a module made it when it was imported."""


def look() -> None:
    """Look again if the current context has a decimal context. Called after each import."""
    global in_use
    if not in_use and "decimal" in sys.modules:
        in_use = any(variable.name == "decimal_context" for variable in contextvars.copy_context())


def separate() -> None:
    """Give the current context a decimal context of its own, with the same settings."""
    from decimal import getcontext, setcontext

    setcontext(getcontext().copy())
