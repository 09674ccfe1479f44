"""Scalar: plain (unquoted) YAML scalars as Python values."""

from __future__ import annotations

import math
import re
from typing import Any

# The core schema of YAML 1.2, except that digits with a leading zero stay text: `022`.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,4000})|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("-+.0123456789")


def scalar(text: str) -> Any:
    """Convert a plain scalar by YAML 1.2: `no` is text, `true` a boolean, `10` a number.

    Raises ValueError for numbers that JSON cannot represent, such as `.nan`.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            raise ValueError(f"{_shortened(text)} is too large for a number")
        if _NOT_FINITE.fullmatch(text):
            raise ValueError(f"{text} is not a number that can be used")
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
