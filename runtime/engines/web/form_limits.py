"""FormLimits: how much the form of a client may have."""

from __future__ import annotations

import msgspec

from runtime.engines.web.problem import HTTPError

MAX_FILES = 100
MAX_FIELDS = 1000
MAX_PART_SIZE = 1024 * 1024


class FormLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a form may have. More is refused with 413."""

    max_files: float
    max_fields: float
    max_part_size: int
    """Bytes of the value of a field that is no file. All together may have ten times as many."""

    def check(self, *, files: int = 0, fields: int = 0, size: int = 0, total: int = 0) -> None:
        """Raise `HTTPError` 413 if one of the numbers is too high."""
        if files > self.max_files:
            raise HTTPError(413, f"the form has more than {self.max_files} files")
        if fields > self.max_fields:
            raise HTTPError(413, f"the form has more than {self.max_fields} fields")
        if size > self.max_part_size:
            raise HTTPError(413, f"a field of the form is larger than {self.max_part_size} bytes")
        if total > 10 * self.max_part_size:
            raise HTTPError(
                413, f"the fields of the form are larger than {10 * self.max_part_size} bytes"
            )
