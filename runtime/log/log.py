"""Log: one line per event on stderr, as text for a terminal or as JSON."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import msgspec

from runtime.codec import escape_surrogates
from runtime.log.redaction import ESCAPES, Redactor
from runtime.log.traceback import format_traceback

_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_COLOURS = {"debug": "2", "info": "36", "warning": "33", "error": "31", "critical": "31;1"}
_RECORD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_RECORD_IDS = ("request_id", "message_id")
"""Extras of a log record that identify what it is about."""
_OUTSIDE_CALLS = ("runtime", "asyncio")
"""Loggers whose records a handler did not cause, even if its call is the current one."""


Origin = Callable[[], tuple[object, Mapping[str, object]] | None]
"""Returns the entry and the ids of the current call; None outside of a handler."""


class Log:
    """Writes events to a stream.

    An event has a level, a logger, an entry, a message, fields, and ids: of the request, the
    message or the run it belongs to. Each line is flushed, so that it survives a crash.
    """

    def __init__(
        self, stream: TextIO, json: bool = False, colour: bool = False, level: int = logging.INFO
    ) -> None:
        self.level = level
        self.worker: int | None = None
        """Number of this worker process, if there are several."""
        self._redactor = Redactor()
        self._stream = stream
        self._json = json
        self._colour = colour
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._second = 0
        self._second_text = ""

    def hide(self, secrets: Iterable[str]) -> None:
        """Redact these values in every line from now on; those below 4 characters stay."""
        self._redactor.hide(secrets)

    def write(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object = None,
        fields: Mapping[str, Any] | None = None,
        ids: Mapping[str, object] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Write one event. `fields` are the caller's, `ids` identify what the event belongs to.

        A value without a text or a JSON form does not lose the line: its type is written.
        """
        event: dict[str, Any] = {
            "time": self._now(),
            "level": _LEVELS.get(level, "info"),
            "logger": logger,
        }
        if self.worker is not None:
            event["worker"] = self.worker
        if entry is not None:
            event["entry"] = str(entry)
        event["message"] = message if isinstance(message, str) else _message_text(message)
        if fields:
            event["fields"] = fields
        if ids:
            event.update(ids)
        if error is not None:
            stack = self._redactor.redact(format_traceback(error))
            event["error"] = {"type": type(error).__name__, "stack": stack}
        line = self._as_json(event) if self._json else self._as_text(event, ids or {})
        line = self._redacted(event, line)
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            return  # the reader of the log is gone, which must not stop the application

    def _redacted(self, event: Mapping[str, Any], line: str) -> str:
        """The line without secrets, and still JSON if it was: a number may be one."""
        redacted = self._redactor.redact(line)
        if redacted is line or not self._json:
            return redacted
        try:
            msgspec.json.decode(redacted)
        except msgspec.DecodeError:
            texts = _encodable(
                {name: str(v) if isinstance(v, int) else v for name, v in event.items()}
            )
            return self._redactor.redact(self._encoded(texts) + "\n")
        return redacted

    def _now(self) -> str:
        """RFC 3339 in UTC with milliseconds. The text of the current second is cached."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"

    def _as_json(self, event: dict[str, Any]) -> str:
        try:
            return self._encoded(event) + "\n"
        except Exception:  # a lone surrogate, or a value whose own __str__ raises
            return self._encoded(_encodable(event)) + "\n"

    def _encoded(self, value: object) -> str:
        text = self._encoder.encode(value).decode()
        if not text.isascii():
            for code in (0x85, 0x2028, 0x2029):
                text = text.replace(chr(code), f"\\u{code:04x}")
        return text

    def _as_text(self, event: dict[str, Any], ids: Mapping[str, object]) -> str:
        level = event["level"]
        pairs = {**event.get("fields", {}), **ids}
        tail = "".join(
            f" {_text(name).translate(ESCAPES)}={_quoted(value)}" for name, value in pairs.items()
        )
        time_of_day = event["time"][11:23]
        source = event.get("entry", event["logger"])
        message = event["message"].translate(ESCAPES)
        head = message if message.startswith(source) else f"{source} {message}"
        if "worker" in event:
            head = f"[{event['worker']}] {head}"
        if self._colour:
            line = f"\033[2m{time_of_day}\033[0m \033[{_COLOURS[level]}m{level:7}\033[0m {head}"
            line += f"\033[2m{tail}\033[0m" if tail else ""
        else:
            line = f"{time_of_day} {level:7} {head}{tail}"
        if "error" in event:
            trace = event["error"]["stack"].rstrip().splitlines()
            line += "".join(f"\n    {part.translate(ESCAPES)}" for part in trace)
        return line + "\n"


class LogHandler(logging.Handler):
    """Writes the records of the standard library's loggers to a log.

    A record of a handler's, or of a library it calls, gets the entry and the ids of the call.
    """

    def __init__(self, log: Log, origin: Origin) -> None:
        super().__init__()
        self._log = log
        self._origin = origin

    def emit(self, record: logging.LogRecord) -> None:
        extra = {
            name: value for name, value in record.__dict__.items() if name not in _RECORD_ATTRIBUTES
        }
        try:
            message = record.getMessage()
        except Exception as wrong:  # arguments that do not fit the format must not lose the line
            message = f"{record.msg} {record.args!r} ({wrong})"
        entry = extra.pop("entry", None)
        ids = {name: extra.pop(name) for name in _RECORD_IDS if name in extra}
        caused = entry is None and record.name.partition(".")[0] not in _OUTSIDE_CALLS
        if caused and (origin := self._origin()) is not None:
            entry, call_ids = origin
            ids = {**call_ids, **ids}
        fields = {**extra.pop("fields", {}), **extra}
        error = record.exc_info[1] if record.exc_info else None
        self._log.write(record.levelno, record.name, message, entry, fields, ids, error)


def install(log: Log, origin: Origin) -> None:
    """Make `log` the only output of the standard library's loggers."""
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(LogHandler(log, origin))
    root.setLevel(log.level)
    logging.captureWarnings(True)
    # asyncio reports its choice of selector and slow callbacks below that
    logging.getLogger("asyncio").setLevel(max(log.level, logging.WARNING))


def for_terminal(format: str | None, level: str, environment: Mapping[str, str]) -> Log:
    """Make the log of a command: JSON unless stderr is a terminal, colour only on one."""
    stream = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - stderr was closed at start
    terminal = stream.isatty()
    json = format == "json" or (format is None and not terminal)
    colour = not json and "NO_COLOR" not in environment
    colour = colour and (terminal or "FORCE_COLOR" in environment)
    number = next(number for number, name in _LEVELS.items() if name == level)
    return Log(stream, json, colour, number)


def _quoted(value: Any) -> str:
    text = _text(value).translate(ESCAPES)
    return f'"{text}"' if " " in text or not text else text


def _message_text(message: object) -> str:
    """The text of a message that is no string, such as an exception."""
    try:
        return str(message)
    except Exception:
        return _text(message)


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception as error:
        return f"<{type(value).__name__} without a text: {type(error).__name__}>"


def _encodable(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with every value as text that UTF-8 can encode; numbers of ours stay numbers."""
    return {
        name: {_valid_text(key): _valid_text(item) for key, item in value.items()}
        if isinstance(value, Mapping)
        else value
        if isinstance(value, int)
        else _valid_text(value)
        for name, value in event.items()
    }


def _valid_text(value: Any) -> str:
    return escape_surrogates(_text(value))
