"""The parameters of a function as the arguments of a command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest

from runtime.handlers.arguments.command_line import CommandLine, WrongArguments
from runtime.service import StartError


class Role(Enum):
    ADMIN = "admin"
    USER = "user"


class Record(msgspec.Struct):
    name: str


def plain(first, count=3, verbose=False): ...


def typed(
    day: datetime,
    role: Role = Role.USER,
    level: Literal[1, 2] = 1,
    id: UUID | None = None,
    tags: tuple[str, ...] = (),
    cache: bool = True,
): ...


def copy(sources: list[Path], target: Path, *, mode: int): ...


def rest(first: int, *others: float): ...


def optional_record(name: str, record: Record | None = None): ...


def flag(force: bool): ...


def parse(function: Callable[..., Any], text: str) -> dict[str, Any]:
    return CommandLine(function, ()).parse(text.split())


def mistakes(function: Callable[..., Any], text: str) -> tuple[str, ...]:
    with pytest.raises(WrongArguments) as raised:
        parse(function, text)
    return raised.value.mistakes


@pytest.mark.parametrize(
    ("function", "text", "values"),
    [
        (plain, "a", {"first": "a"}),
        (plain, "a --count 5 --verbose", {"first": "a", "count": 5, "verbose": True}),
        (plain, "--no-verbose -- --count", {"first": "--count", "verbose": False}),
        (plain, "-5 --count=-1", {"first": "-5", "count": -1}),
        (plain, "-", {"first": "-"}),
        (
            typed,
            "2026-01-31T12:00:00Z --role admin --level 2 --tags a --tags=b --no-cache",
            {
                "day": datetime(2026, 1, 31, 12, tzinfo=timezone.utc),  # noqa: UP017
                "role": Role.ADMIN,
                "level": 2,
                "tags": ("a", "b"),
                "cache": False,
            },
        ),
        (
            copy,
            "a b c --mode 7",
            {"sources": [Path("a"), Path("b")], "target": Path("c"), "mode": 7},
        ),
        (rest, "1", {"first": 1}),
        (rest, "1 2 3.5", {"first": 1, "others": [2.0, 3.5]}),
        (optional_record, "a", {"name": "a"}),
        (flag, "", {}),
        (flag, "--force", {"force": True}),
    ],
)
def test_words_become_values_by_annotation(
    function: Callable[..., Any], text: str, values: dict[str, Any]
) -> None:
    assert parse(function, text) == values


@pytest.mark.parametrize(
    ("function", "text", "told"),
    [
        (plain, "", ("FIRST is missing",)),
        (plain, "a b", ("'b' is one argument too many",)),
        (plain, "a --count", ("--count needs a value",)),
        (plain, "a -v", ("no option '-v'",)),
        (copy, "", ("SOURCES is missing", "TARGET is missing", "--mode is missing")),
        (copy, "a --mode x", ("SOURCES is missing", "--mode 'x' must be an integer")),
        (rest, "1 2 x", ("OTHERS 'x' must be a number",)),
        (
            typed,
            "noon --role x --level 3 --id 5",
            (
                "DAY 'noon' must be a date and time, such as '2026-01-31T12:00:00Z'",
                "--role 'x' must be one of 'admin', 'user'",
                "--level '3' must be one of 1, 2",
                "--id '5' must be a UUID",
            ),
        ),
    ],
)
def test_all_mistakes_are_told_at_once(
    function: Callable[..., Any], text: str, told: tuple[str, ...]
) -> None:
    assert mistakes(function, text) == told


def test_a_function_that_needs_a_record_is_refused() -> None:
    def main(record: Record) -> None: ...

    with pytest.raises(StartError, match=r"\.py:\d+: 'record' is a record"):
        CommandLine(main, ())


def test_two_lists_of_any_length_are_refused() -> None:
    def main(a: list[int], b: list[int]) -> None: ...

    with pytest.raises(StartError, match="A and B are each a list of any length"):
        CommandLine(main, ())
