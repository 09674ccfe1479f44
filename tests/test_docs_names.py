"""The calls and types that the documentation names exist, and those that exist are named."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from runtime.engines.queue.delivery import Delivery
from runtime.engines.sql.builder import Delete, Insert, Select, Update
from runtime.engines.web.response_builder import ResponseBuilder
from runtime.registry import Registry
from tests.support.blackbox import ROOT
from tests.support.doc_tables import PAGES, code, names_in, rows, text

MODULES = sorted(
    file.stem for file in (ROOT / "runtime" / "modules").glob("*.py") if file.stem != "__init__"
)
UNNAMED = {
    "auth": {"Jwt"},
    "events": {"Listening", "Topic"},
    "http": {"Reply", "Request", "exchange"},
    "queue": {"Info", "Message", "Progress", "get"},
    "store": {"Store"},
    "sql": {"BlockingDatabase", "BlockingTransaction", "Database", "Result", "Transaction"},
}
"""Types for annotations, and what the named calls are made of."""


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_of_handlers_are_described_as_they_are(module: str) -> None:
    pages = "\n".join(names_in(page.read_text(encoding="utf-8")) for page in PAGES)
    dotted = rf"(?<![\w./:{{-]){module}\.([A-Za-z]\w*)\b(?!\.(?:before|after)_)"  # a failpoint
    kinds = {kind.split(".")[1] for kind in Registry().built_in if kind.startswith(module)}
    worlds = [import_module(f"runtime.modules{world}.{module}") for world in ("", ".sync")]
    public = {name for world in worlds for name in getattr(world, "__all__", [])}
    described = {*re.findall(dotted, pages)}
    alone = set(re.findall(r"`(\w+)[`(]", text("docs/handlers.md")))

    described -= kinds | {"dumps", "loads"}  # those are of the standard library's json
    assert [name for name in described if not any(hasattr(world, name) for world in worlds)] == []
    assert sorted(public - described - alone - UNNAMED.get(module, set())) == []


@pytest.mark.parametrize(
    ("row", "statements"), [(0, [Select]), (1, [Insert]), (2, [Update, Delete])]
)
def test_the_statements_of_the_builder_have_the_calls_that_are_shown(
    row: int, statements: list[type]
) -> None:
    shown = {
        re.split(r"\(", call)[0] for call in code(rows("docs/handlers.md", "Statement")[row][1])
    }
    there = {
        name for statement in statements for name in vars(statement) if not name.startswith("_")
    }

    assert shown == there - {"run_with", "render", "inner_join"}


def test_calls_on_the_response_exist() -> None:
    shown = re.findall(r"`(set_\w+|write\w*)\(", text("docs/handlers.md"))

    assert set(shown) == {
        name
        for name in vars(ResponseBuilder)
        if not name.startswith("_") and callable(getattr(ResponseBuilder, name))
    }


def test_what_is_known_of_the_message_exists() -> None:
    (sentence,) = re.findall(
        r"^`queue.message\(\)` has (.*?)\.\n\n", text("docs/handlers.md"), re.M | re.S
    )

    assert [name for name in code(sentence) if not hasattr(Delivery, name.removesuffix("()"))] == []


def test_every_word_of_the_code_in_the_glossary_is_in_its_folder() -> None:
    words = text("docs/glossary.md").partition("## Words of the code")[2]
    wrong = []
    for row in re.findall(r"^\| (.*) \| (`.*`) \| .* \|$", words, flags=re.MULTILINE):
        sources = "\n".join(
            file.read_text(encoding="utf-8")
            for folder in code(row[1])
            for file in [*(ROOT / "runtime" / folder).rglob("*.py"), ROOT / f"runtime/{folder}.py"]
            if file.exists()
        )
        wrong += [
            word
            for word in code(row[0])
            if not re.search(rf"\b(class|def) {word}\b|^{word}\b", sources, flags=re.MULTILINE)
        ]
    assert wrong == []
    assert "Invocation" in words
