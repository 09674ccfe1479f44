"""Syntax is read, and tracebacks are formatted, whatever other threads read at that time."""

from __future__ import annotations

import ast
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runtime.handlers import syntax
from runtime.log.traceback import format_traceback

SOURCE = Path(syntax.__file__).read_text(encoding="utf-8") * 20


class Cycle:
    """Garbage whose end lets other threads run, also while Python builds a syntax tree."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


@contextmanager
def disturbed() -> Iterator[None]:
    """Have another thread read syntax all the while, as those do who know nothing of others."""
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            leave_garbage()
            with suppress(SystemError):
                ast.parse(SOURCE)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def leave_garbage() -> None:
    for _ in range(20):
        Cycle()


def test_syntax_is_read_beside_another_thread_that_reads_some() -> None:
    with disturbed():
        for _ in range(30):
            leave_garbage()
            assert len(syntax.parse(SOURCE).body) > 10


def test_what_other_threads_disturb_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [SystemError("depth mismatch")] * 3

    def fail_first(*arguments: object) -> object:
        if left:
            raise left.pop()
        return compile(*arguments)  # type: ignore[call-overload]

    monkeypatch.setattr(syntax, "compile", fail_first, raising=False)
    assert isinstance(syntax.parse("1 + 1"), ast.Module)
    assert isinstance(syntax.parse_expression("1 + 1"), ast.BinOp)


@pytest.mark.parametrize("source", ["1 +", "\0", b"\xff"])
def test_what_is_no_syntax_is_told_at_once(source: str | bytes) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        syntax.parse(source)


def test_a_traceback_that_another_thread_disturbs_is_formatted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = [SystemError("depth mismatch")] * 3
    whole = traceback.TracebackException.format

    def fail_first(self: traceback.TracebackException) -> Iterator[str]:
        if left:
            raise left.pop()
        return whole(self)

    monkeypatch.setattr(traceback.TracebackException, "format", fail_first)
    try:
        raise ValueError("no")
    except ValueError as error:
        text = format_traceback(error)
    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("ValueError: no\n")
