"""The console log: a value ends where it seems to end, whatever a client wrote into it."""

from __future__ import annotations

import io
import re

import pytest

from runtime.log.log import Log

FORGERIES = [
    'a" message_id="forged',
    "a message_id=forged",
    "message_id=forged",
    "a\tmessage_id=forged",
    "a\u00a0message_id=forged",
    "a\n12:00:00.000 info    app:x forged",
    'a\\" message_id="forged',
    "a\\",
    "'a' message_id=forged",
    "\x1b[2m message_id=forged",
    '"',
    "",
]
TOKEN = re.compile(r' ((?:"(?:[^"\\]|\\.)*"|[^\s"=]+))=((?:"(?:[^"\\]|\\.)*"|[^\s"=]+))')


def console(message: str, **fields: str) -> str:
    stream = io.StringIO()
    Log(stream).write(20, "test", message, "app:x", fields, {"message_id": "true"})
    assert len(stream.getvalue().splitlines()) == 1
    return stream.getvalue().rstrip("\n")


@pytest.mark.parametrize("text", FORGERIES)
def test_a_value_forges_no_field(text: str) -> None:
    line = console("sent", to=text)

    assert [name for name, _ in TOKEN.findall(line.partition("sent")[2])] == ["to", "message_id"]
    assert TOKEN.sub("", line).endswith("app:x sent")


@pytest.mark.parametrize("text", FORGERIES)
def test_nor_does_a_name(text: str) -> None:
    line = console("sent", **{text: "1"})

    assert len(TOKEN.findall(line.partition("sent")[2])) == 2
    assert TOKEN.sub("", line).endswith("app:x sent")


@pytest.mark.parametrize("text", FORGERIES)
def test_nor_does_a_message(text: str) -> None:
    line = console(f"sent {text}")
    message = line.partition("app:x ")[2]
    if message.startswith('"'):
        message = re.sub(r'^"(?:[^"\\]|\\.)*"', "", message)

    assert [value for name, value in TOKEN.findall(message) if name == "message_id"] == ["true"]


def test_what_needs_no_quotes_has_none() -> None:
    line = console("it took 3 ms: /tasks/1?", n="3", path="/tasks/1", host="[::1]:80")

    assert line.endswith("it took 3 ms: /tasks/1? n=3 path=/tasks/1 host=[::1]:80 message_id=true")


def test_quotes_and_backslashes_are_escaped_within_quotes() -> None:
    line = console("sent", to='C:\\new "one"')

    assert r'to="C:\\new \"one\""' in line
