"""Bodies and queries of all sorts: a typed handler is called with what fits, or nobody is."""

from __future__ import annotations

import json
from datetime import datetime
from random import Random
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import msgspec
import pytest
from msgspec import Meta

from tests.support.serving import run
from tests.support.typed import Served

pytestmark = pytest.mark.slow

BODIES = 10_000


class Node(msgspec.Struct):
    name: str
    below: list[Node] = []


class Cat(msgspec.Struct, tag="cat"):
    lives: Annotated[int, Meta(ge=0, le=9)]


class Dog(msgspec.Struct, tag="dog", forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, pattern="^[a-z~/]+$")]


class Order(msgspec.Struct):
    action: Literal["a", "b", 3]
    id: UUID | None = None
    pets: list[Cat | Dog] = []
    tree: Node | int | None = None
    prices: dict[str, Annotated[float, Meta(gt=0)]] = {}
    pair: tuple[int, bool] | None = None
    when: Annotated[datetime, Meta(tz=True)] | None = None
    counts: dict[int, int] = {}


GOOD = {
    "action": "a",
    "id": "6f7a1c9e-6c0f-4f0e-9d57-1f0a8b1c2d3e",
    "pets": [{"type": "cat", "lives": 9}, {"type": "dog", "name": "rex"}],
    "tree": {"name": "a", "below": [{"name": "b/c"}]},
    "prices": {"x": 1.5, "a/b~c": 2},
    "pair": [1, True],
    "when": "2026-01-31T12:00:00Z",
    "counts": {"1": 2},
}
ODD: list[Any] = [
    *(None, True, 0, -1, 2**63, 10**30, 1e308, "", "x", "\ud7ff", "a" * 1000, [], {}, [[]]),
    *({"": 0}, {"type": "cat"}, {"type": "cow"}, {"a/b~c": {"~": 1}}, [1, 2, 3], "1", "nan"),
]


def mutated(value: Any, random: Random) -> Any:
    """The value with something else in one place, more or less of it, or the same."""
    if random.random() < 0.15:
        return random.choice(ODD)
    if isinstance(value, dict) and value:
        copy = dict(value)
        key = random.choice([*copy])
        match random.randrange(4):
            case 0:
                del copy[key]
            case 1:
                copy[random.choice(["", "x", "type", "/", "~0", "é" * 100])] = random.choice(ODD)
            case _:
                copy[key] = mutated(copy[key], random)
        return copy
    if isinstance(value, list):
        return [mutated(each, random) for each in value] * random.choice((1, 1, 1, 0, 30))
    return value


def bodies(seed: int) -> list[bytes]:
    random = Random(seed)
    made = []
    for _ in range(BODIES):
        value: Any = GOOD
        for _ in range(random.randrange(4)):
            value = mutated(value, random)
        data = json.dumps(value, ensure_ascii=random.random() < 0.5).encode()
        if random.random() < 0.1:  # bytes that were changed on their way
            cut = random.randrange(len(data) + 1)
            data = data[:cut] + random.randbytes(random.randrange(3)) + data[cut + 1 :]
        made.append(data)
    return made


def resolve(pointer: str, value: Any) -> None:
    """Follow a pointer, whose last step may be missing. Raises if there is no such place."""
    steps = [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]
    for step in steps[:-1]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    if steps and isinstance(value, list):
        assert 0 <= int(steps[-1]) <= len(value)
    elif steps:
        assert isinstance(value, dict)


@pytest.mark.parametrize("seed", [1])
def test_no_body_is_answered_with_500_and_all_pointers_lead_somewhere(seed: int) -> None:
    calls = 0

    async def handler(order: Any) -> Any:
        nonlocal calls
        calls += 1
        return None

    handler.__annotations__["order"] = Order
    served = Served(handler)

    async def all_of_them() -> dict[int, int]:
        found: dict[int, int] = {}
        transport = httpx.ASGITransport(app=served.dispatcher)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for body in bodies(seed):
                answer = await client.post("/", content=body)
                found[answer.status_code] = found.get(answer.status_code, 0) + 1
                if answer.status_code == 422:
                    value = json.loads(body)
                    errors = answer.json()["errors"]
                    assert 0 < len(errors) <= 20
                    for error in errors:
                        resolve(error["pointer"], value)
                        assert error["detail"] != "does not fit", body
        return found

    found = run(all_of_them())

    assert set(found) == {204, 400, 422}, found
    assert min(found.values()) > 100
    assert calls == found[204]


def test_a_fault_far_behind_what_is_looked_at_is_found_by_its_path() -> None:
    async def handler(order: Any) -> Any: ...

    handler.__annotations__["order"] = Order
    served = Served(handler)
    nodes = [{"name": "x"}] * 5000 + [{"name": 1}]

    (error,) = served.errors(json={"action": "a", "tree": {"name": "a", "below": nodes}})
    assert error == ("body", "#/tree/below/5000/name", "does not fit")


def test_a_name_of_the_client_that_is_no_name_is_not_repeated() -> None:
    async def handler(dog: Any) -> Any: ...

    handler.__annotations__["dog"] = Dog
    served = Served(handler)
    answer = served(json={"type": "dog", "name": "rex", "secret" * 100: 1, "\x1b[2J": 2})

    assert [each["pointer"] for each in answer.json()["errors"]] == ["#", "#"]
    assert "secret" not in answer.text
