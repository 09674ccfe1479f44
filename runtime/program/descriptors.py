"""Descriptors: the files and sockets that this program may have open."""

from __future__ import annotations

import resource

from runtime.service import StartError

LEAST = 32
"""Descriptors without which nothing runs: the interpreter's and the event loop's are half of it."""
_ENOUGH = 65_536
"""Not more than this, since programs that handlers start inherit it, and some try each number."""


def raise_limit() -> None:
    """Raise the soft limit to the hard one. Raises StartError if that is too low to run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass  # as in a sandbox; what there is may do
    if soft < LEAST:
        raise StartError(
            f"too few open files are allowed, {soft}; raise the limit (ulimit -n) to 1024 or more"
        )
