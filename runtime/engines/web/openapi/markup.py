"""Markup: texts of a document as HTML, escaped."""

from __future__ import annotations

import re
from html import escape as _escape
from typing import Any

import msgspec

from runtime import codec

_CODE = re.compile(r"`([^`\n]+)`")


def escape(value: object) -> str:
    """Text for HTML, also inside of an attribute."""
    return _escape(str(value))


def anchor(*words: str) -> str:
    """An id for an element, without characters that an address would have to escape."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(words))


def prose(text: str) -> str:
    """Paragraphs of a docstring: blank lines part them, and `backticks` mark code."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "".join(f"<p>{line(part)}</p>" for part in paragraphs)


def line(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


def pretty(value: Any) -> str:
    """A value as indented JSON, not yet escaped."""
    return msgspec.json.format(codec.encode_response(value), indent=2).decode()


def icon(name: str) -> str:
    return f'<svg class="i" aria-hidden="true"><use href="#i-{name}"/></svg>'
