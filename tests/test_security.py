"""SECURITY.md: each limit that it lists is the one in the code, and a test shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runtime import codec
from runtime.engines.web import admission, form_limits
from runtime.engines.web.protocol import refusal

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## Limits")[2].partition("\n## ")[0].splitlines()
    if line.startswith("|") and "tests/" in line
]


def limit(what: str) -> str:
    return next(row[1] for row in ROWS if row[0] == what)


def field(path: str, name: str) -> dict[str, object]:
    schema = json.loads((ROOT / "schemas" / f"{path}.schema.json").read_text(encoding="utf-8"))
    for part in name.split("."):
        schema = schema["properties"][part]
    return dict(schema)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_limit_is_shown_by_a_test(row: list[str]) -> None:
    path, _, name = row[3].strip("`").partition("::")

    assert len(row) == 4
    assert re.search(rf"\bdef {name}\(", (ROOT / path).read_text(encoding="utf-8"))


def test_the_limits_are_those_of_the_code() -> None:
    assert len(ROWS) == 25
    assert f"{refusal.MAX_HEAD // 1024} KiB" == limit("the request line")
    assert f"{refusal.MAX_HEAD // 1024} KiB" == limit("the request line and the headers")
    assert str(refusal.MAX_FIELDS) == limit("headers")
    assert f" {admission.MOST}," in limit("clients at once")
    assert f"all but {admission.reserve(1 << 20)} " in limit("file descriptors of clients")
    assert f"{codec.MAX_DEPTH} levels" == limit("JSON")
    assert limit("a form").startswith(
        f"{form_limits.MAX_FILES} files, {form_limits.MAX_FIELDS} fields of "
        f"{form_limits.MAX_PART_SIZE >> 20} MiB;"
    )


@pytest.mark.parametrize(
    ("what", "path", "name"),
    [
        ("a body", "kinds/http.service", "max_body"),
        ("a message of a WebSocket", "kinds/http.websocket", "max_message"),
        ("messages that a WebSocket's handler has not taken", "kinds/http.websocket", "backlog"),
        ("time for the answer to a WebSocket's ping", "kinds/http.websocket", "ping"),
        ("time for the headers", "kinds/http.service", "timeouts.header"),
        ("time for the body", "kinds/http.service", "timeouts.read"),
        ("time for 16 KiB of a response", "kinds/http.service", "timeouts.write"),
        ("time between two requests", "kinds/http.service", "timeouts.idle"),
    ],
)
def test_the_limits_are_the_defaults_of_the_schemas(what: str, path: str, name: str) -> None:
    default = str(field(path, name)["default"])

    assert limit(what).replace(" ", "") == f"`{name}`:{default}"
