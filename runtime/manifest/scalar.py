"""Scalar: what a plain word of YAML means."""

from __future__ import annotations

import math
import re
from typing import Any

# YAML 1.2's core schema, except that a leading zero keeps a number text: `022` is not 22.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,4000})|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("-+.0123456789")


def scalar(text: str) -> Any:
    """What a plain scalar means by YAML 1.2: `no` is text, `true` a boolean, `10` a number.

    Raises ValueError for numbers that JSON cannot say, such as `.nan`.
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
            raise ValueError(f"{_short(text)} is too large for a number")
        if _NO_NUMBER.fullmatch(text):
            raise ValueError(f"{text} is not a number that can be used")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
