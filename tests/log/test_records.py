"""Records: whatever is logged becomes a line, and nothing is raised into the program."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from runtime.log.log import Log
from runtime.log.records import LogHandler


class Textless:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Unreadable(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise OSError("gone")

    def __iter__(self) -> Iterator[str]:
        raise OSError("gone")

    def __len__(self) -> int:
        return 1


def line_of(json_lines: bool, *arguments: Any, level: int = 30, **options: Any) -> str:
    stream = io.StringIO()
    logger = logging.Logger("library")
    logger.addHandler(LogHandler(Log(stream, json_lines, level=1), lambda: None))

    logger.log(level, *arguments, **options)

    lines = stream.getvalue().splitlines()
    assert lines
    return "\n".join(lines)


EXTRAS: list[dict[str, Any]] = [
    {"fields": ["name", "age"]},
    {"fields": "name, age"},
    {"fields": 3},
    {"fields": Unreadable()},
    {"fields": {Textless(): Textless()}},
    {"fields": {(1, 2): {3: object()}}},
    {"entry": Textless()},
    {"entry": 3},
    {"request_id": Textless()},
    {"message_id": None},
    {"other": Textless()},
    {"left_out": 1},
    {"level": 1, "time": 2, "logger": 3, "error": 4},
]


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "console"])
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: "+".join(extra))
def test_nothing_beside_the_message_can_lose_it(extra: dict[str, Any], json_lines: bool) -> None:
    line = line_of(json_lines, "rejected", extra=extra)

    assert "rejected" in line
    if json_lines:
        assert json.loads(line)["message"] == "rejected"
        assert json.loads(line)["level"] == "warning"


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "console"])
@pytest.mark.parametrize(
    "arguments",
    [("%d", Textless()), (Textless(),), ("%s", Textless()), ("%s %s", 1), ("%(a)s", 1), (b"%s", 1)],
    ids=["number", "message", "text", "too few", "named", "bytes"],
)
def test_no_argument_is_raised_at_the_caller(arguments: tuple[Any, ...], json_lines: bool) -> None:
    assert "library" in line_of(json_lines, *arguments)


def test_fields_of_a_library_that_are_no_mapping_are_a_field() -> None:
    line = json.loads(line_of(True, "rejected", extra={"fields": ["name"], "other": 1}))

    assert line["fields"] == {"fields": ["name"], "other": 1}


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (1, "debug"), (10, "debug"), (15, "debug"), (25, "info"), (35, "warning"),
        (45, "error"), (50, "critical"), (99, "critical"),
    ],
)  # fmt: skip
def test_a_level_between_two_is_the_lower_one(level: int, name: str) -> None:
    assert json.loads(line_of(True, "hello", level=level))["level"] == name


def test_a_stack_that_was_asked_for_is_shown() -> None:
    asked = {"stack_info": True}

    assert "test_records.py" in json.loads(line_of(True, "hello", **asked))["stack"]
    assert "test_records.py" in line_of(False, "hello", **asked)


@pytest.mark.parametrize("given", [True, (None, None, None), (1, 2), ()], ids=repr)
def test_an_exception_that_is_none_is_left_out(given: Any) -> None:
    assert "error" not in json.loads(line_of(True, "hello", exc_info=given))


def test_an_exception_without_a_text_is_shown() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    try:
        raise Broken
    except Broken:
        line = json.loads(line_of(True, "hello", exc_info=sys.exc_info()))

    assert line["error"]["type"] == "Broken"
