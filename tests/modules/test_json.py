"""runtime.modules.json, as handlers use it, beside the module of the standard library."""

from __future__ import annotations

import json as standard
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runtime.modules import json
from runtime.modules import sync as blocking
from runtime.modules.sync import json as blocking_json
from tests.support.blackbox import FREE_PORT, execute, running, write_files

MANIFEST = """
namespace: app
entries:
  - {name: work, kind: function.python, source: file://work.py, MODULES}
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: ep, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: work}
"""
LISTED, UNLISTED = "modules: [json]", "modules: []"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"id": 1, "tags": ["a", None, True]}, '{"id":1,"tags":["a",null,true]}'),
        ("año 🚀", '"año 🚀"'),
        (2**70, "1180591620717411303424"),
        (1.5, "1.5"),
        ([], "[]"),
        (None, "null"),
    ],
)
def test_a_value_is_encoded_as_compact_text_and_decoded_from_text_and_bytes(
    value: Any, text: str
) -> None:
    assert json.encode(value) == text
    assert json.decode(text) == value
    assert json.decode(text.encode()) == value
    assert json.decode(bytearray(text.encode())) == value
    assert standard.loads(text) == value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"items": [1, {"when": datetime.now(UTC)}]}, "value.items[1].when is of type datetime"),
        ({"rates": [math.nan]}, "value.rates[0] is nan"),
        ((1, 2), "value is a tuple"),
        ({1: "a"}, "value has the key 1, which is not a string"),
        ({"name": "\ud800"}, "value.name has a lone surrogate"),
        ({"raw": b"x"}, "value.raw is of type bytes"),
    ],
)
def test_a_value_that_json_would_change_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(json.NotJSON) as caught:
        json.encode(value)

    assert place in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "Input data was truncated"),
        ("{bad", "JSON is malformed: object keys must be strings (byte 1)"),
        ('{"a":1} x', "JSON is malformed: trailing characters (byte 9)"),
        ("NaN", "JSON is malformed: invalid character (byte 0)"),
        ("1e999", "Number out of range"),
        ("[" * 101 + "]" * 101, "nested deeper than 100"),
        ("[" * 100_000, "nested deeper than 100"),
        ('"\ud800"', "the text has a lone surrogate (character 1)"),
        (b'"\xff"', "not UTF-8"),
        (r'"\ud800"', r"a string has a lone surrogate, \ud800 (byte 1)"),
        (r'{"\uD800":1}', r"a string has a lone surrogate, \uD800 (byte 2)"),
        (r'"\\\\\ud800\n"', r"a string has a lone surrogate, \ud800 (byte 5)"),
        (
            r'"\ud800 and so on"',
            "JSON is malformed: unexpected end of escaped utf-16 surrogate pair (byte 7)",
        ),
        (r'"\ud83d\ude0', "Input data was truncated"),
        (r'"\ud83d', "Input data was truncated"),
        (r'"\\ud800ab', "Input data was truncated"),
        (r'"\ud83d\ude00', "Input data was truncated"),
        (r'"\\ud800', "Input data was truncated"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_what_is_not_one_document_is_a_value_error_with_a_sentence(
    document: str | bytes, reason: str
) -> None:
    with pytest.raises(json.InvalidJSON) as caught:
        json.decode(document)

    assert str(caught.value) == reason
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("document", [None, 5, {"a": 1}])
def test_what_is_neither_text_nor_bytes_is_a_type_error(document: Any) -> None:
    with pytest.raises(TypeError, match=f"text or bytes, not {type(document).__name__}"):
        json.decode(document)


def test_a_def_has_the_same_functions() -> None:
    assert blocking_json is blocking.json
    assert all(getattr(blocking_json, name) is getattr(json, name) for name in json.__all__)


@pytest.mark.parametrize(
    ("line", "modules"),
    [
        ("import json", LISTED),
        ("import json", UNLISTED),
        ("from json import loads", UNLISTED),
        ("from runtime.modules import json", LISTED),
        ("from runtime.modules.sync import json", LISTED),
        ("import json as standard\nfrom runtime.modules import json", LISTED),
    ],
)
def test_modules_json_stands_for_either_module_and_the_standard_one_need_not_be_listed(
    line: str, modules: str, tmp_path: Path
) -> None:
    application(tmp_path, f"{line}\nasync def main():\n    pass\n", modules)

    checked = execute("validate", str(tmp_path))

    assert checked.code == 0, checked.err


def test_the_module_of_the_runtime_has_to_be_listed(tmp_path: Path) -> None:
    work = "from runtime.modules import json\nasync def main():\n    pass\n"
    application(tmp_path, work, UNLISTED)

    checked = execute("validate", str(tmp_path))

    assert checked.code != 0
    assert "work.py:1:29: module 'json' is imported, but 'app:work' does not list it" in checked.out


@pytest.mark.parametrize(
    ("line", "call"),
    [("import json", "json.dumps"), ("from runtime.modules import json", "json.encode")],
)
def test_a_handler_gets_the_module_that_it_imports(line: str, call: str, tmp_path: Path) -> None:
    work = f"{line}\nasync def main(request):\n    return {call}(await request.json())\n"
    application(tmp_path, work, LISTED)

    with running(tmp_path, FREE_PORT) as site:
        reply = site.ask("POST", "/", {"a": [1]})

        assert (reply.status, standard.loads(reply.body)) == (200, {"a": [1]})
        assert site.stop() == 0


def application(folder: Path, work: str, modules: str) -> None:
    manifest = MANIFEST.replace("MODULES", modules)
    write_files(folder, {"_index.yaml": manifest, "work.py": work})
