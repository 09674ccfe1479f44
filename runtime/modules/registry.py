"""registry: the fields of entries."""

from __future__ import annotations

import copy
from typing import Any

from runtime.handlers.context import call


def get(id: str) -> dict[str, Any]:
    """A copy of an entry's fields, with `name`, `kind` and `meta`.

    A bare name means the namespace of the calling entry. Raises LookupError, with a hint.
    """
    caller = call()
    entry = caller.scope.id(id, caller.entry.namespace)
    return copy.deepcopy(dict(caller.scope.fields[entry]))
