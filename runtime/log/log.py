"""Log: one line per event on stderr, as text for a terminal or as JSON."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from runtime.codec import escape_surrogates
from runtime.log.redaction import ESCAPES, Redactor
from runtime.log.traceback import format_traceback
from runtime.telemetry import current_span

if TYPE_CHECKING:
    from runtime.log.colours import Colours

_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_COLOURS = {"debug": "2", "info": "36", "warning": "33", "error": "31", "critical": "31;1"}
_QUOTED_ESCAPES = {**ESCAPES, ord('"'): '\\"', ord("\\"): "\\\\"}
_PLAIN = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Texts that are written without quotes on a terminal."""
_FIELD = re.compile(r"\s[^\s=]+=|^\"")
"""The look of a field; a message that has it is quoted, since it may be a client's."""


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
        self.taps: list[Callable[[Mapping[str, Any], BaseException | None], None]] = []
        """Each is called with each event, without secrets, and its error; in the thread that logs,
        before the line is written. What it raises is dropped.
        """
        self.colours: Colours | None = None
        """With colour, marks the lines of one request or message by one."""
        self._redactor = Redactor()
        self._stream = stream
        self._json = json
        self._colour = colour
        self._encoder = msgspec.json.Encoder(
            enc_hook=lambda value: self._redactor.redact(str(value))
        )
        self._second = 0
        self._second_text = ""

    def hide(self, secrets: Iterable[str]) -> None:
        """Redact these values in every line from now on; those below 4 characters stay."""
        self._redactor.hide(secrets)

    def redact(self, text: str) -> str:
        """The text without any of those values."""
        return self._redactor.redact(text)

    def write(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object = None,
        fields: Mapping[str, Any] | None = None,
        ids: Mapping[str, object] | None = None,
        error: BaseException | None = None,
        stack: str | None = None,
    ) -> None:
        """Write one event. `fields` are the caller's, `ids` identify what the event belongs to.

        `stack` says where it happened, if that is not an error. Raises nothing: a value without a
        text or a JSON form does not lose the line, its type is written.
        """
        try:
            line = self._line(level, logger, message, entry, fields, ids, error, stack)
        except Exception as fault:  # such as a mapping that cannot be read
            left_out = {"left_out": f"fields: {type(fault).__name__}"}
            line = self._line(
                level, text_of(logger), _message_text(message), None, left_out, None, None, None
            )
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError, RuntimeError):
            # The reader of the log is gone, or a signal interrupted a write to it. Neither must
            # stop the application.
            return

    def _line(
        self,
        level: int,
        logger: str,
        message: object,
        entry: object,
        fields: Mapping[str, Any] | None,
        ids: Mapping[str, object] | None,
        error: BaseException | None,
        stack: str | None,
    ) -> str:
        event: dict[str, Any] = {
            "time": self._now(),
            "level": _level_name(level),
            "logger": logger,
        }
        if self.worker is not None:
            event["worker"] = self.worker
        if entry is not None:
            event["entry"] = _message_text(entry)
        text = message if isinstance(message, str) else _message_text(message)
        # Before the line is encoded: what was escaped before is then escaped once less.
        event["message"] = self._redactor.redact(text)
        if fields:
            event["fields"] = {
                name: self._redactor.redact(value) if isinstance(value, str) else value
                for name, value in fields.items()
            }
        if ids:
            event.update(ids)
        if (span := current_span()) is not None:
            ids = {**(ids or {}), "trace_id": span.trace_id}
            event["trace_id"] = span.trace_id
        if error is not None:
            trace = self._redactor.redact(format_traceback(error))
            event["error"] = {"type": type(error).__name__, "stack": trace}
        if stack is not None:
            event["stack"] = self._redactor.redact(stack)
        for tap in self.taps:
            with suppress(Exception):
                tap(event, error)
        line = self._as_json(event) if self._json else self._as_text(event, ids or {})
        return self._redacted(event, line)

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
            f" {self._quoted(name)}={self._quoted(value)}" for name, value in pairs.items()
        )
        time_of_day = event["time"][11:23]
        source = self._redactor.redact(event.get("entry", event["logger"])).translate(ESCAPES)
        message = event["message"]
        message = self._quoted(message) if _FIELD.search(message) else message.translate(ESCAPES)
        head = message if message.startswith(source) else f"{source} {message}"
        if "worker" in event:
            head = f"[{event['worker']}] {head}"
        if self._colour:
            own = None if self.colours is None else self.colours.of(ids)
            mark = "" if own is None else f"\033[{own}m|\033[0m "
            line = (
                f"\033[2m{time_of_day}\033[0m \033[{_COLOURS[level]}m{level:7}\033[0m {mark}{head}"
            )
            line += f"\033[{own or 2}m{tail}\033[0m" if tail else ""
        else:
            line = f"{time_of_day} {level:7} {head}{tail}"
        for trace in (event.get("stack", ""), event["error"]["stack"] if "error" in event else ""):
            for part in trace.rstrip().splitlines():
                line += f"\n    {part.translate(ESCAPES)}"
        return line + "\n"

    def _quoted(self, value: object) -> str:
        """A name or a value that ends where its quotes end, or with a space if it has none."""
        text = self._redactor.redact(text_of(value))
        return text if _PLAIN.fullmatch(text) else f'"{text.translate(_QUOTED_ESCAPES)}"'


def _level_name(level: int) -> str:
    """The name of the level, or of the next one below it: 45 is an error."""
    try:
        return next((_LEVELS[known] for known in reversed(_LEVELS) if level >= known), "debug")
    except TypeError:  # it is no number
        return "info"


def for_terminal(format: str | None, level: str, environment: Mapping[str, str]) -> Log:
    """Make the log of a command: JSON unless stderr is a terminal, colour only on one."""
    stream = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - stderr was closed at start
    terminal = stream.isatty()
    json = format == "json" or (format is None and not terminal)
    colour = not json and "NO_COLOR" not in environment
    colour = colour and (terminal or "FORCE_COLOR" in environment)
    number = next(number for number, name in _LEVELS.items() if name == level)
    return Log(stream, json, colour, number)


def _message_text(message: object) -> str:
    """The text of a message that is no string, such as an exception."""
    try:
        return str(message)
    except Exception:
        return text_of(message)


def text_of(value: object, form: Callable[[object], str] = repr) -> str:
    """The text of a value, for the log, whatever its class does. Raises nothing."""
    try:
        return value if isinstance(value, str) else form(value)
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
    return escape_surrogates(text_of(value))
