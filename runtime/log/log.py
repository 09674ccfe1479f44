"""Log: one line an event on stderr, for a person or for a machine."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, TextIO

import msgspec

from runtime.log.traceback import stack

_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_COLOURS = {"debug": "2", "info": "36", "warning": "33", "error": "31", "critical": "31;1"}
_FIELDS_OF_A_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_IDS = ("request_id", "message_id")
"""What an event belongs to: attributes of a call's subject, or extras of a log record."""
_SHORTEST_SECRET = 8
"""Shorter values from the environment are not looked for in lines: `8080` is everywhere."""

# Control characters, and what some readers take for the end of a line.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPES |= {9: "\\t", 10: "\\n", 13: "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class Log:
    """Writes events to a stream.

    An event has a level, a logger, an entry, a message, fields, and the id of the request or
    message it belongs to. Nothing is buffered: a line that was written survives a crash.
    """

    def __init__(
        self, stream: TextIO, json: bool = False, colour: bool = False, level: int = logging.INFO
    ) -> None:
        self.level = level
        self.worker: int | None = None
        """Which of several workers writes, if there are several."""
        self._secrets: list[str] = []
        self._stream = stream
        self._json = json
        self._colour = colour
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._second = 0
        self._clock = ""

    def hide(self, secrets: Iterable[str]) -> None:
        """Replace these values in every line from now on, unless they are very short."""
        forms = {*self._secrets}
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                forms |= {secret, secret.translate(_ESCAPES), repr(secret)[1:-1]}
                forms.add(self._encoded(_sayable(secret))[1:-1])
        self._secrets = sorted(forms, key=len, reverse=True)  # one may be a part of another

    def write(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object = None,
        fields: Mapping[str, Any] | None = None,
        subject: object = None,
        fault: BaseException | None = None,
    ) -> None:
        """Write one event. `subject` is what a call is about: its ids are part of the line."""
        event: dict[str, Any] = {
            "time": self._now(),
            "level": _LEVELS.get(level, "info"),
            "logger": logger,
        }
        if self.worker is not None:
            event["worker"] = self.worker
        if entry is not None:
            event["entry"] = str(entry)
        event["message"] = message if isinstance(message, str) else _said(message)
        if fields:
            event["fields"] = fields
        for name in _IDS:
            if (id := getattr(subject, name, None)) is not None:
                event[name] = id
        if fault is not None:
            event["error"] = {"type": type(fault).__name__, "stack": stack(fault)}
        line = self._as_json(event) if self._json else self._as_text(event)
        for secret in self._secrets:
            line = line.replace(secret, "[hidden]")
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            return  # nobody reads the log any more; that must not stop the work

    def _now(self) -> str:
        """RFC 3339 in UTC with milliseconds; the part that seldom changes is kept."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._clock}.{int((now - second) * 1000):03d}Z"

    def _as_json(self, event: dict[str, Any]) -> str:
        try:
            return self._encoded(event) + "\n"
        except Exception:  # lone surrogates, or whatever a value's own text does
            return self._encoded(_sayable_event(event)) + "\n"

    def _encoded(self, value: object) -> str:
        text = self._encoder.encode(value).decode()
        if not text.isascii():
            for code in (0x85, 0x2028, 0x2029):
                text = text.replace(chr(code), f"\\u{code:04x}")
        return text

    def _as_text(self, event: dict[str, Any]) -> str:
        level = event["level"]
        pairs = dict(event.get("fields", ()))
        pairs |= {name: event[name] for name in _IDS if name in event}
        tail = "".join(
            f" {_text(name).translate(_ESCAPES)}={_quoted(value)}" for name, value in pairs.items()
        )
        clock = event["time"][11:23]
        who = event.get("entry", event["logger"])
        words = event["message"].translate(_ESCAPES)
        head = words if words.startswith(who) else f"{who} {words}"
        if "worker" in event:
            head = f"[{event['worker']}] {head}"
        if self._colour:
            line = f"\033[2m{clock}\033[0m \033[{_COLOURS[level]}m{level:7}\033[0m {head}"
            line += f"\033[2m{tail}\033[0m" if tail else ""
        else:
            line = f"{clock} {level:7} {head}{tail}"
        if "error" in event:
            frames = event["error"]["stack"].rstrip().splitlines()
            line += "".join(f"\n    {part.translate(_ESCAPES)}" for part in frames)
        return line + "\n"


class LogHandler(logging.Handler):
    """Brings what the standard library's loggers say into the same log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        extra = {
            name: value
            for name, value in record.__dict__.items()
            if name not in _FIELDS_OF_A_RECORD
        }
        try:
            message = record.getMessage()
        except Exception as error:  # a wrong format must not lose the line
            message = f"{record.msg} {record.args!r} ({error})"
        entry = extra.pop("entry", None)
        ids = {name: extra.pop(name) for name in _IDS if name in extra}
        fields = {**extra.pop("fields", {}), **extra}
        fault = record.exc_info[1] if record.exc_info else None
        self._log.write(
            record.levelno, record.name, message, entry, fields, SimpleNamespace(**ids), fault
        )


def install(log: Log) -> None:
    """Make `log` the one place where the standard library's loggers write."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(LogHandler(log))
    root.setLevel(log.level)
    logging.captureWarnings(True)
    # httpx, asyncio and others are chatty one level below what an operator wants
    logging.getLogger("asyncio").setLevel(max(log.level, logging.WARNING))


def for_terminal(format: str | None, level: str, environment: Mapping[str, str]) -> Log:
    """The log of a command: JSON unless stderr is a terminal, colour only on one."""
    stream = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - closed by whoever started us
    terminal = stream.isatty()
    json = format == "json" or (format is None and not terminal)
    colour = not json and "NO_COLOR" not in environment
    colour = colour and (terminal or "FORCE_COLOR" in environment)
    number = next(number for number, name in _LEVELS.items() if name == level)
    return Log(stream, json, colour, number)


def _quoted(value: Any) -> str:
    text = _text(value).translate(_ESCAPES)
    return f'"{text}"' if " " in text or not text else text


def _said(message: object) -> str:
    """What is no text, such as an exception, as a message."""
    try:
        return str(message)
    except Exception:
        return _text(message)


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception as error:
        return f"<{type(value).__name__} without a text: {type(error).__name__}>"


def _sayable(value: Any) -> str:
    """The text of a value, without lone surrogates, which UTF-8 cannot say."""
    return _text(value).encode("utf-8", "backslashreplace").decode()


def _sayable_event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {_sayable(key): _sayable(item) for key, item in value.items()}
        if isinstance(value, Mapping)
        else value
        if name == "worker"
        else _sayable(value)
        for name, value in event.items()
    }
