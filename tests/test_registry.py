"""The registry: kinds by their names."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import runtime.kinds
from runtime.kind import Kind
from runtime.registry import BrokenKind, Registry, UnknownKind

FOLDER = Path(runtime.kinds.__file__).parent


def test_the_names_are_those_of_the_files() -> None:
    files = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        for path in FOLDER.rglob("*.py")
        if path.name != "__init__.py"
    }

    assert Registry().built_in == files
    assert Registry().names == sorted(Registry().names)


@pytest.mark.parametrize("name", sorted(Registry().built_in))
def test_a_kind_is_found_by_its_name_and_made_once(name: str) -> None:
    registry = Registry()

    assert registry[name].name == name
    assert registry[name] is registry[name]
    assert registry.schema(name) is registry.schema(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "queue",
        "queue.driver",
        "queue.driver.",
        "..queue",
        "os",
        "http.__init__",
        "Http.service",
    ],
)
def test_what_is_no_kind_is_unknown(name: str) -> None:
    with pytest.raises(UnknownKind):
        Registry()[name]


def test_listing_imports_no_kind() -> None:
    code = (
        "import sys; from runtime.registry import Registry; names = Registry().built_in; "
        "print(sorted(n for n in names if f'runtime.kinds.{n}' in sys.modules))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"


def outside(monkeypatch: pytest.MonkeyPatch, **kinds: object) -> Registry:
    """A registry in which another package has kinds, valid or not."""
    registry = Registry()
    points = {name: EntryPoint(name, f"nowhere:{name}", "runtime.kinds") for name in kinds}

    def load(point: EntryPoint) -> object:
        loaded = kinds[point.name]
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    monkeypatch.setattr(EntryPoint, "load", load)
    registry.__dict__["_installed"] = points
    return registry


def test_a_kind_installed_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind("store", dict, dict, schema={"type": "object", "properties": {"x": {}}})

    registry = outside(monkeypatch, store=kind)

    assert registry["store"] is kind
    assert "store" in registry.names
    assert "x" in registry.schema("store").field.properties


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        (ImportError("no module"), "cannot be loaded: ImportError: no module"),
        ("text", "its module has no such Kind"),
        (Kind("another", dict, dict), "its module has no such Kind"),
    ],
)
def test_a_kind_that_cannot_be_had_says_why(
    loaded: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BrokenKind, match=said):
        outside(monkeypatch, store=loaded)["store"]


@pytest.mark.parametrize(
    ("schema", "said"), [(None, "has no schema"), ({"type": 5}, "has an invalid schema")]
)
def test_a_missing_or_invalid_schema_says_so(
    schema: dict[str, object] | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = outside(monkeypatch, store=Kind("store", dict, dict, schema=schema))

    with pytest.raises(BrokenKind, match=said):
        registry.schema("store")
