"""Hooks: an error that nobody catches is one line of the log, without secrets."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from runtime.log.hooks import install_hooks
from runtime.log.log import Log


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    for owner, name in (
        (sys, "excepthook"),
        (threading, "excepthook"),
        (sys, "unraisablehook"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # to have it back afterwards
    stream = io.StringIO()
    log = Log(stream, json=True)
    log.hide(["CANARY"])
    install_hooks(log)
    return stream


def refuse(*_: object) -> None:
    raise ValueError("CANARY is refused")


def in_thread() -> None:
    thread = threading.Thread(target=refuse, name="poller")
    thread.start()
    thread.join()


def in_program() -> None:
    try:
        refuse()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)


def in_finalizer() -> None:
    type("Broken", (), {"__del__": refuse})()


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (in_thread, "uncaught error in thread 'poller'"),
        (in_program, "uncaught error"),
        (in_finalizer, "Exception ignored"),
    ],
)
def test_an_uncaught_error_is_one_line_with_its_traceback(
    fail: Callable[[], None],
    message: str,
    stream: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fail()

    line: dict[str, Any] = json.loads(stream.getvalue())
    assert line["level"] == "error"
    assert line["message"].startswith(message)
    assert line["error"]["type"] == "ValueError"
    assert "in refuse" in line["error"]["stack"]
    assert "[hidden] is refused" in line["error"]["stack"]
    assert "CANARY" not in stream.getvalue()
    assert capfd.readouterr().err == ""


def test_a_thread_that_exits_is_no_error(stream: io.StringIO) -> None:
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()

    assert stream.getvalue() == ""


def test_an_object_without_a_text_does_not_lose_the_line(stream: io.StringIO) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

        def __call__(self) -> None: ...

    class Event:
        err_msg, object, exc_value = None, Broken(), ValueError("lost?")

    sys.unraisablehook(Event)  # type: ignore[arg-type]

    assert "lost?" in json.loads(stream.getvalue())["error"]["stack"]
