"""Symbols: the icons of the dashboard, which a page holds once and refers to."""

from __future__ import annotations

from functools import cache

_PATHS = {
    "home": "M2.5 7.2 8 2.6l5.5 4.6v6.2H10V9.6H6v3.8H2.5z",
    "trace": "M2 3.5h7M5 8h7M8 12.5h6",
    "error": "M8 2.2 14.4 13H1.6zM8 6.4v3M8 11.3v.1",
    "queue": "M2 4h12M2 8h12M2 12h7",
    "dead": "M3 4.2h10M6 4V2.4h4V4M4.2 4.2l.6 9.2h6.4l.6-9.2M6.8 6.8v4M9.2 6.8v4",
    "service": "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1",
    "entry": "M4 2h5.4L12.4 5v9H4zM9.2 2.2v3h3M6 8.4h4.4M6 11h4.4",
    "clock": "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 4.8V8l2.2 1.6",
    "http": "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M1.8 8h12.4M8 1.8c-4.2 4.2-4.2 8.2 0 "
    "12.4M8 1.8c4.2 4.2 4.2 8.2 0 12.4",
    "func": "M9.8 2.6c-2.2-.5-3 .5-3.2 2L5.4 12c-.3 1.6-1 2.4-2.8 1.9M4 6.6h5.4M9.4 9l3.6 4.2M13 "
    "9l-3.6 4.2",
    "work": "M8 5.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 "
    "3.6 5 5M11 11l1.4 1.4M12.4 3.6 11 5M5 11l-1.4 1.4",
    "data": "M2.6 4c0-1 2.4-1.8 5.4-1.8S13.4 3 13.4 4 11 5.8 8 5.8 2.6 5 2.6 4M2.6 4v8c0 1 2.4 1.8 "
    "5.4 1.8s5.4-.8 5.4-1.8V4M2.6 8c0 1 2.4 1.8 5.4 1.8s5.4-.8 5.4-1.8",
    "proc": "M2.2 3.2h11.6v9.6H2.2zM4.8 6.2 6.8 8l-2 1.8M8.2 10h2.8",
    "ok": "M3 8.4 6.4 12 13 4.4",
    "play": "M5 3.4v9.2L12.4 8z",
    "pause": "M5.4 3.4v9.2M10.6 3.4v9.2",
    "retry": "M13 8a5 5 0 1 1-1.6-3.7M13 2.4v2.8h-2.8",
    "lock": "M3.6 7h8.8v6.6H3.6zM5.4 7V5a2.6 2.6 0 0 1 5.2 0v2",
    "theme": "M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2a5.8 5.8 0 0 1 0 11.6",
    "more": "M6 3.6 10.4 8 6 12.4",
    "copy": "M5.4 5.4h8v8h-8zM10.6 5.4V2.6h-8v8h2.8",
    "eye": "M1.4 8S3.8 3.8 8 3.8 14.6 8 14.6 8 12.2 12.2 8 12.2 1.4 8 1.4 8M8 6.2a1.8 1.8 0 1 0 0 "
    "3.6 1.8 1.8 0 0 0 0-3.6",
    "log": "M2 3.6h2M2 8h2M2 12.4h2M6.6 3.6H14M6.6 8H14M6.6 12.4h5",
    "plus": "M8 3v10M3 8h10",
    "x": "M4 4l8 8M12 4l-8 8",
}
_HATCH = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="currentColor"'
    ' stroke-opacity=".22" stroke-width="2.4"/></pattern>'
)
LOGO = (
    '<svg viewBox="0 0 28 28" aria-hidden="true"><rect width="28" height="28" rx="8"'
    ' class="c-accent" fill="currentColor"/><path d="M8 9h5.5a3.5 3.5 0 0 1 0 7H8M13.5 16l5 4M8'
    ' 9v11" fill="none" stroke="#fff" stroke-width="2.2" stroke-linecap="round"'
    ' stroke-linejoin="round"/></svg>'
)


@cache
def symbols() -> str:
    """All icons, to stand in a page once and unseen."""
    drawn = "".join(
        f'<symbol id="i-{name}" viewBox="0 0 16 16"><path d="{path}"/></symbol>'
        for name, path in _PATHS.items()
    )
    hidden = 'width="0" height="0" aria-hidden="true" class="sr"'
    return f"<svg {hidden}><defs>{drawn}{_HATCH}</defs></svg>"
