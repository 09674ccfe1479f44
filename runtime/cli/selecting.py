"""Selecting: the options that say which services a command starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class _Ids(click.ParamType[tuple[str, ...]]):
    name = "ID,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        ids = tuple(filter(None, map(str.strip, value.split(","))))
        if not ids:
            self.fail("it names no service", param, ctx)
        return ids


def selection_options(command: F) -> F:
    """Pass `--only` and `--except` as `only` and `without`: a tuple of ids for each of them."""
    return _ONLY(_EXCEPT(command))


_ONLY = click.option(
    "--only",
    multiple=True,
    type=_Ids(),
    help="Start only these processes, consumers and servers, with what they need and all "
    "resources (databases, drivers, hosts).",
)
_EXCEPT = click.option(
    "--except",
    "without",
    multiple=True,
    type=_Ids(),
    help="Start all but these processes, consumers and servers.",
)
