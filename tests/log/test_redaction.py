"""Redaction: no form of a secret gets through, and the line stays what it was."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

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


HARD = """p/w <é"x'y\\n>&+\t☃😀"""
SPELLINGS: dict[str, Callable[[str], str]] = {
    "quote": quote,
    "quote all": lambda secret: quote(secret, safe=""),
    "quote_plus": quote_plus,
    "html": html.escape,
    "html without quotes": lambda secret: html.escape(secret, quote=False),
    "html in decimal": lambda secret: (
        html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    ),
    "ascii": lambda secret: ascii(secret)[1:-1],
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json in utf-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
    "bytes": lambda secret: repr(secret.encode())[2:-1],
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", [HARD, "it's it", 'say "x"', "über", "a b/c"])
def test_a_secret_is_redacted_in_each_spelling(secret: str, spelling: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.hide([secret])

    assert redactor.redact(f"<{spelling(secret)}>") == "<[hidden]>"


@pytest.mark.parametrize("whole", [repr, ascii, json.dumps, lambda text: repr(text.encode())])
def test_a_secret_is_redacted_in_a_literal_with_both_quotes(whole: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.hide(["it's it"])

    assert "it" not in redactor.redact(whole("\"'it's it"))


class Told:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("outer", [json.dumps, repr, str], ids=["json", "repr", "plain"])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("where", ["message", "field", "nested", "object", "stack", "error"])
def test_a_secret_that_was_escaped_before_is_redacted_in_a_line(
    where: str, spelling: Callable[[str], str], outer: Callable[[str], str], json_lines: bool
) -> None:
    stream = io.StringIO()
    log = Log(stream, json=json_lines)
    log.hide([HARD])
    text = f"<{spelling(HARD) if where == 'nested' else outer(spelling(HARD))}>"
    message = text if where == "message" else "refused"
    fields: dict[str, Any] = {
        "field": {"given": text},
        "nested": {"given": [{"body": text}]},
        "object": {"given": [Told(text)]},
    }.get(where, {})
    options: dict[str, Any] = {
        "stack": {"stack": text},
        "error": {"error": ValueError(text)},
    }.get(where, {})

    log.write(40, "test", message, fields=fields, **options)

    assert "[hidden]" in stream.getvalue()
    assert "w" not in stream.getvalue().partition("<")[2].partition(">")[0]


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
