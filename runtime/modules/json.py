"""json: JSON text to values and back, strictly. Nothing that JSON would change is let through."""

from __future__ import annotations

from typing import Any

from runtime import codec
from runtime.codec import InvalidJSON, NotJSON

__all__ = ["InvalidJSON", "NotJSON", "decode", "encode"]


def encode(value: Any) -> str:
    """Encode a value as compact JSON text that decodes to an equal value.

    Raises NotJSON, a TypeError, for a value that JSON cannot represent exactly, such as NaN, a
    tuple, a datetime or a key that is no string; it names the place: `value.items[2].when`.
    """
    return codec.encode(value, "value").decode()


def decode(document: str | bytes | bytearray) -> Any:
    """Decode one JSON document; bytes are UTF-8.

    Raises InvalidJSON, a ValueError, for any other text, and for objects and arrays nested more
    than 100 deep; TypeError for what is neither text nor bytes.
    """
    if isinstance(document, str):
        try:
            document = document.encode()
        except UnicodeEncodeError as error:
            raise InvalidJSON(f"the text has a lone surrogate (character {error.start})") from None
    elif not isinstance(document, bytes | bytearray):
        raise TypeError(f"JSON is text or bytes, not {type(document).__name__}")
    return codec.decode(document)
