"""The log: one line an event, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from runtime.log.log import Log
from runtime.log.records import LogHandler
from runtime.telemetry import Telemetry
from tests.support.listening import Recorder

NASTY = "one\r\ntwo\x1b[31m\u2028three\x00\x85four"


def nowhere() -> None:
    """The origin of records outside of handlers."""


def in_a_call() -> tuple[object, dict[str, object]]:
    return "app:work", {"message_id": "of the call"}


def written(json_lines: bool = True, **event: Any) -> str:
    stream = io.StringIO()
    log = Log(stream, json_lines)
    log.write(**{"level": logging.INFO, "logger": "test", "message": "hello", **event})
    return stream.getvalue()


def error(text: str) -> BaseException:
    try:
        raise ValueError(text)
    except ValueError as caught:
        return caught


@pytest.mark.parametrize("where", ["message", "field", "name", "error", "entry", "id"])
def test_an_event_is_one_parseable_line(where: str) -> None:
    event: dict[str, Any] = {
        "message": {"message": NASTY},
        "field": {"fields": {"path": NASTY}},
        "name": {"fields": {NASTY: 1}},
        "error": {"error": error(NASTY)},
        "entry": {"entry": NASTY},
        "id": {"ids": {"request_id": NASTY}},
    }[where]

    text = written(**event)

    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert json.loads(text)["level"] == "info"


@pytest.mark.parametrize("event", [{"message": NASTY}, {"fields": {"path": NASTY}}])
def test_a_terminal_gets_no_control_characters(event: dict[str, Any]) -> None:
    text = written(json_lines=False, **event)

    assert len(text.splitlines()) == 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text.rstrip("\n"))


@pytest.mark.parametrize("message", ["hello", "lone \ud800"])
def test_a_worker_signs_its_lines_with_its_number(message: str) -> None:
    stream = io.StringIO()
    log = Log(stream, json=True)
    log.worker = 2
    log.write(logging.INFO, "test", message)

    assert json.loads(stream.getvalue())["worker"] == 2


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_line_within_a_trace_has_its_id(json_lines: bool) -> None:
    with Telemetry(Recorder()).span("http.request") as span:
        text = written(json_lines)

    assert (f'"trace_id":"{span.trace_id}"' if json_lines else f"trace_id={span.trace_id}") in text
    assert "trace_id" not in written(json_lines)


def test_a_tap_gets_each_event_without_secrets() -> None:
    log, told = Log(io.StringIO()), []
    log.hide(["s3cret"])
    log.taps.append(lambda event, error: told.append((event["message"], event["level"], error)))
    fault = error("no")
    log.write(logging.WARNING, "test", "the s3cret", error=fault)

    assert told == [("the [hidden]", "warning", fault)]


def test_a_tap_that_fails_loses_no_line() -> None:
    stream = io.StringIO()
    log = Log(stream)
    log.taps.append(lambda event, error: 1 / 0)  # type: ignore[arg-type, return-value]
    log.write(logging.INFO, "test", "hello")

    assert "hello" in stream.getvalue()


def test_what_json_cannot_say_is_written_as_its_text() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    line = json.loads(
        written(fields={"nan": float("nan"), "odd": Odd(), "set": {1}, "lone": "\ud800"})
    )

    assert set(line["fields"]) == {"nan", "odd", "set", "lone"}


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    stream = io.StringIO()
    log = Log(stream, json=True)
    log.hide(["tweet-tweet"])

    fields = {"a": ["tweet-tweet"]}
    log.write(30, "test", "say tweet-tweet", "app:x", fields, None, error("tweet-tweet"))

    assert "tweet-tweet" not in stream.getvalue()
    assert stream.getvalue().count("[hidden]") >= 3


def test_a_stream_that_is_gone_does_not_stop_the_work() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Log(Gone(), json=True).write(20, "test", "hello")


def test_the_loggers_of_others_land_in_the_same_lines() -> None:
    stream = io.StringIO()
    logger = logging.Logger("somebody")
    logger.addHandler(LogHandler(Log(stream, json=True), nowhere))

    logger.warning("%d things", 3, extra={"entry": "app:x", "message_id": "m", "other": 1})

    line = json.loads(stream.getvalue())
    assert (line["logger"], line["level"], line["message"]) == ("somebody", "warning", "3 things")
    assert (line["entry"], line["message_id"], line["fields"]) == ("app:x", "m", {"other": 1})


@pytest.mark.parametrize(
    ("name", "extra", "entry", "id"),
    [
        ("httpx", {}, "app:work", "of the call"),
        ("runtime_application_1.work", {}, "app:work", "of the call"),
        ("httpx", {"message_id": "m"}, "app:work", "m"),
        ("httpx", {"entry": "app:x"}, "app:x", None),
        ("runtime.queue", {}, None, None),
        ("asyncio", {}, None, None),
    ],
)
def test_a_record_without_an_entry_is_the_current_call_s_if_a_handler_may_have_caused_it(
    name: str, extra: dict[str, object], entry: str | None, id: str | None
) -> None:
    stream = io.StringIO()
    logger = logging.Logger(name)
    logger.addHandler(LogHandler(Log(stream, json=True), in_a_call))

    logger.warning("hello", extra=extra)

    line = json.loads(stream.getvalue())
    assert (line.get("entry"), line.get("message_id")) == (entry, id)


def test_on_a_terminal_the_ids_come_after_the_fields() -> None:
    text = written(False, entry="app:work", fields={"n": 1}, ids={"message_id": "m", "run": 2})

    assert text.endswith(" info    app:work hello n=1 message_id=m run=2\n")


def test_a_number_among_the_ids_stays_one_also_beside_what_json_cannot_say() -> None:
    assert json.loads(written(message="lone \ud800", ids={"run": 2}))["run"] == 2


def test_a_wrong_format_does_not_lose_the_line() -> None:
    stream = io.StringIO()
    logger = logging.Logger("somebody")
    logger.addHandler(LogHandler(Log(stream, json=True), nowhere))

    logger.warning("%d things", "three")

    assert "three" in json.loads(stream.getvalue())["message"]


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("message", [3, None, ValueError("oh"), b"raw"], ids=repr)
def test_a_message_that_is_no_text_is_written_as_its_text(message: Any, json_lines: bool) -> None:
    text = written(json_lines, message=message, fields={1: "one"})

    assert str(message) in text
    if json_lines:
        assert json.loads(text)["message"] == str(message)


def test_a_secret_is_hidden_in_the_form_it_is_written_in() -> None:
    secret = 'pass"word\\\u2028ü'
    for json_lines in (True, False):
        stream = io.StringIO()
        log = Log(stream, json_lines)
        log.hide([secret])
        log.write(30, "test", f"say {secret}", None, {"key": secret, "in": [secret]})
        assert "word" not in stream.getvalue(), stream.getvalue()
        assert stream.getvalue().count("[hidden]") == 3


def test_a_short_value_is_not_hidden() -> None:
    stream = io.StringIO()
    log = Log(stream, json=True)
    log.hide(["808", "1", ""])

    log.write(20, "test", "on port 8080")

    assert json.loads(stream.getvalue())["message"] == "on port 8080"
