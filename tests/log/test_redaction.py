"""Redaction: no form of a secret gets through, and the line stays what it was."""

from __future__ import annotations

import io
import json

import pytest

from runtime.log.log import Log
from runtime.log.redaction import Redactor

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("hunter2", "password=hunter2;"),
        ("hunter2", "'hunter2'hunter2"),
        ("p@ss/w:rd", "postgres://u:p%40ss%2Fw%3Ard@h/x"),
        ('it\'s "x"', repr({"a": 'it\'s "x"'})),
        ("tab\tbed", "tab\\tbed"),
        ("über", json.dumps({"a": "über"}, ensure_ascii=False)),
        (KEY, "  MIIEvQIBADANBg"),
        (KEY, repr(KEY)),
    ],
)
def test_a_secret_is_redacted_in_each_form(secret: str, text: str) -> None:
    redactor = Redactor()
    redactor.hide([secret])

    redacted = redactor.redact(text)

    assert "[hidden]" in redacted
    assert not any(part in redacted for part in ("hunter2", "ss%2Fw", "it", "bed", "ber", "MII"))


def test_of_two_secrets_the_longer_is_redacted_whole() -> None:
    redactor = Redactor()
    redactor.hide(["pass"])
    redactor.hide(["password"])

    assert redactor.redact("password pass") == "[hidden] [hidden]"


def test_the_beginning_of_a_secret_is_redacted_where_a_text_was_cut() -> None:
    redactor = Redactor()
    redactor.hide(["hunter2"])

    assert redactor.redact("xhunte… hunt") == "x[hidden]… hunt"


def test_a_number_that_is_a_secret_leaves_json() -> None:
    stream = io.StringIO()
    log = Log(stream, json=True)
    log.worker = 3
    log.hide(["7351"])

    log.write(30, "test", "pin 7351", "app:x", {"pin": 7351, "n": 1973510.5, "l": [7351, "é"]})

    line = json.loads(stream.getvalue())
    assert "7351" not in stream.getvalue()
    assert line["message"] == "pin [hidden]"
    assert line["fields"]["pin"] == "[hidden]"


def test_a_secret_of_several_lines_is_redacted_in_a_traceback() -> None:
    stream = io.StringIO()
    log = Log(stream, json=False)
    log.hide(["one1\ntwo2"])
    try:
        raise ValueError("the key one1\ntwo2 is refused")
    except ValueError as error:
        log.write(40, "test", "failed", error=error)

    assert "the key [hidden] is refused" in stream.getvalue()
    assert "two2" not in stream.getvalue()
