"""Loggers: those of the runtime itself, which no configuration of `logging` reaches.

Handlers and their libraries configure Python's loggers: `fileConfig` disables those that exist,
`basicConfig(force=True)` takes their output away, `logging.disable` silences all. Ours are no part
of that tree. Until `direct` gives them an output they pass their records on to it, by name.
"""

from __future__ import annotations

import logging


class _ToStandardLoggers(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        standard = logging.getLogger(record.name)
        if standard.isEnabledFor(record.levelno):
            standard.handle(record)
        return True


_root = logging.RootLogger(logging.NOTSET)
_root.addHandler(_ToStandardLoggers())
_manager = logging.Manager(_root)
_manager.setLoggerClass(logging.Logger)


def logger(name: str) -> logging.Logger:
    """The runtime's logger of that name, which begins with `runtime`."""
    return _manager.getLogger(name)


def attach(handler: logging.Handler) -> None:
    """Give the runtime's loggers one more output, beside those that they have."""
    _root.addHandler(handler)


def detach(handler: logging.Handler) -> None:
    """Take away an output that `attach` gave."""
    _root.removeHandler(handler)


def direct(handler: logging.Handler, level: int) -> None:
    """Make `handler` the only output of the runtime's loggers, from `level` on."""
    _root.handlers[:] = [handler]
    _root.setLevel(level)
    _manager._clear_cache()  # type: ignore[attr-defined]


def limit(level: int) -> None:
    """Drop the records of the runtime's loggers that are below `level`."""
    _root.setLevel(level)
    _manager._clear_cache()  # type: ignore[attr-defined]
