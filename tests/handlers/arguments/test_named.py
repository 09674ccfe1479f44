"""Arguments by name: values of a manifest, and entries that annotations name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from runtime.entry_id import EntryId
from runtime.handlers.arguments.named import NamedArguments
from runtime.handlers.context import ApplicationContext
from runtime.handlers.logger import LOGGER, Logger
from runtime.service import StartError

if TYPE_CHECKING:
    from nowhere import Unknown

CLIENT = EntryId("app", "client")
Client = Annotated[str, "app:client"]


class Limits(msgspec.Struct):
    most: int
    least: int = 1


class HandingOut:
    value = "handed out"

    def handed_out(self) -> str:
        return self.value


class WithTwin:
    blocking = "blocking twin"


def filled(
    function: Any, values: dict[str, Any] | None = None, component: Any = "client", **options: Any
) -> dict[str, Any]:
    scope = ApplicationContext()
    scope.components = {CLIENT: component}
    arguments = NamedArguments(
        function, values or {}, scope, "app", **{"blocking": False, **options}
    )
    return arguments.filled()


def test_values_are_of_the_types_of_their_parameters() -> None:
    def make(
        plain,  # type: ignore[no-untyped-def]
        id: UUID,
        limits: Limits,
        seconds: float = 1,
        path: str | None = None,
        place: Path = Path(),
        pool: ThreadPoolExecutor | None = None,
        *,
        many: list[int],
    ) -> None: ...

    id = "6fa459ea-ee8a-3ca4-894e-db77e160355e"
    given = {
        "plain": [1],
        "id": id,
        "limits": {"most": 5},
        "seconds": "2.5",
        "place": "/a",
        "pool": "as it is",
        "many": [1, "2"],
    }

    assert filled(make, given) == {
        "plain": [1],
        "id": UUID(id),
        "limits": Limits(5),
        "seconds": 2.5,
        "place": Path("/a"),
        "pool": "as it is",
        "many": [1, 2],
    }


def test_a_value_that_does_not_fit_is_told_with_its_place() -> None:
    def make(size: Annotated[int, Meta(ge=1)]) -> None: ...

    with pytest.raises(StartError, match=r"test_named.py:\d+: 'size' does not fit: Expected `int`"):
        filled(make, {"size": 0})


def test_a_parameter_may_be_an_entry() -> None:
    async def make(
        one: Client, other: Annotated[str | None, "client"], log: Logger, free: int = 5
    ) -> AsyncIterator[None]:
        yield

    assert filled(make) == {"one": "client", "other": "client", "log": LOGGER}


def test_an_entry_is_given_as_it_is_at_the_time_and_as_handlers_get_it() -> None:
    def make(client: Client) -> None: ...

    component = HandingOut()
    assert filled(make, component=component) == {"client": "handed out"}
    component.value = "anew"
    assert filled(make, component=component) == {"client": "anew"}
    assert filled(make, component=WithTwin(), blocking=True) == {"client": "blocking twin"}


def test_a_value_for_a_parameter_of_that_name_has_the_precedence() -> None:
    def make(client: Client) -> None: ...

    assert filled(make, {"client": "another"}) == {"client": "another"}


def test_classes_and_builtins_get_their_values_as_they_are() -> None:
    assert filled(ThreadPoolExecutor, {"max_workers": 3}) == {"max_workers": 3}
    assert filled(dict, {"a": 1}) == {"a": 1}


def test_an_annotation_that_cannot_be_read_matters_only_where_it_is_needed() -> None:
    def make(value: Unknown, other: Unknown = None) -> Unknown: ...  # type: ignore[assignment]

    assert filled(make, {"value": 1}) == {"value": 1}
    with pytest.raises(StartError, match="the annotation of 'value', Unknown, cannot be read"):
        filled(make)
