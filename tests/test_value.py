"""Values: dataclasses that are quick to define, and otherwise like any other."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass, replace
from typing import Any

import pytest

from runtime.value import value


@value
class Quick:
    """A place."""

    name: str
    size: int = 3


@dataclass(frozen=True, slots=True)
class Standard:
    """A place."""

    name: str
    size: int = 3


@value(kw_only=True, eq=False)
class Named:
    first: int = 1
    second: int


def test_a_value_is_what_the_standard_decorator_would_make() -> None:
    quick, standard = Quick("a"), Standard("a")

    assert repr(quick) == repr(standard).replace("Standard", "Quick")
    assert [(field.name, field.default) for field in fields(quick)] == [
        (field.name, field.default) for field in fields(standard)
    ]
    assert hash(quick) == hash(standard)
    assert is_dataclass(Quick)
    assert not hasattr(quick, "__dict__")
    assert Quick.__match_args__ == Standard.__match_args__
    assert Quick.__doc__ == "A place."


def test_values_are_equal_by_their_fields_and_only_within_their_class() -> None:
    assert Quick("a") == Quick("a", 3)
    assert Quick("a") != Quick("a", 4)
    assert Quick("a") != Standard("a")
    assert replace(Quick("a"), size=9) == Quick("a", 9)
    assert {Quick("a"), Quick("a")} == {Quick("a", 3)}


def test_a_value_does_not_change() -> None:
    quick: Any = Quick("a")
    with pytest.raises(FrozenInstanceError, match="'size' of a value cannot be changed"):
        quick.size = 4
    with pytest.raises(FrozenInstanceError):
        del quick.size
    assert quick == Quick("a")


def test_fields_may_be_given_by_name_only_and_values_be_each_its_own() -> None:
    assert (Named(second=2).first, Named(second=2, first=0).first) == (1, 0)
    with pytest.raises(TypeError):
        Named(2)  # type: ignore[call-arg, misc]
    with pytest.raises(TypeError, match="second"):
        Named(first=1)  # type: ignore[call-arg]
    assert Named(second=2) != Named(second=2)
    assert hash(Named(second=2)) is not None


def test_a_default_that_can_change_is_refused() -> None:
    from dataclasses import field

    with pytest.raises(TypeError, match="'items' has a default that can change"):

        @value
        class Wrong:
            items: list[int] = field(default_factory=list)
