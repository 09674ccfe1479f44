"""`modules`, held to what the handler's file imports, by itself and by its relative imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.linking.linker import link
from runtime.manifest import document
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files
from tests.support.hosting import remarks

HANDLERS = {
    "h.py": "from runtime.modules import http\nfrom .rules import check\ndef main(): check()",
    "rules.py": "from . import more, h\ndef check(): pass",
    "more/__init__.py": "from runtime.modules.sync import sql",
}
RIGHT = """
namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: q, kind: queue.queue, driver: driver}
  - {name: f, kind: function.python, source: file://h.py, modules: [time, sql]}
  - {name: c, kind: queue.consumer, queue: q, func: f, lifecycle: {auto_start: true}}
"""
FIX = ", or run 'runtime validate --fix'"


def told(folder: Path, modules: str | None, **files: str) -> list[str]:
    """The findings about an entry with these modules, or the notes about its list."""
    field = "" if modules is None else f", modules: {modules}"
    manifest = f"namespace: app\nentries:\n  - {{name: f, kind: function.python, source: file://h.py{field}}}\n"
    given = {name.replace("_py", ".py"): text for name, text in files.items()}
    found = remarks(folder, manifest, {**HANDLERS, **given})
    texts = [str(each).replace(f"{folder}/", "") for each in found]
    return [text for text in texts if "no entry calls this function" not in text]


@pytest.mark.parametrize(
    "modules", [None, "[http, sql]", "[sql, http]", "[http, sql, time, json, uuid]"]
)
def test_a_list_may_be_left_out_or_right(modules: str | None, tmp_path: Path) -> None:
    assert told(tmp_path, modules) == []


def test_a_right_list_is_checked_without_the_positions_of_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"_index.yaml": RIGHT, "h.py": "from runtime.modules import sql\ndef main(body): pass"}
    write_files(tmp_path, files)
    monkeypatch.setattr(document, "_Parser", None)
    assert link(read(tmp_path, environment={}), Registry()).notes == []


def test_what_a_relative_import_imports_is_listed_too(tmp_path: Path) -> None:
    assert told(tmp_path, "[http]") == [
        "more/__init__.py:1:34: module 'sql' is imported, but 'app:f' does not list it; "
        f"add it to 'modules' at _index.yaml:3:68{FIX}"
    ]


def test_a_module_of_the_standard_library_may_have_the_same_name(tmp_path: Path) -> None:
    text = "import json\nfrom queue import Queue\ndef check(): pass"

    assert told(tmp_path, "[http, json, queue]", rules_py=text) == []


def test_what_nothing_imports_gets_a_note(tmp_path: Path) -> None:
    assert told(tmp_path, "[http, queue, sql]") == [
        f"_index.yaml:3:75: note: module 'queue' is listed and never imported; remove it{FIX}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib",
        "from runtime import modules",
        "from runtime.modules import *",
        "from .missing import anything",
        "def broken(:",
    ],
)
def test_nothing_is_noted_where_not_all_imports_are_known(text: str, tmp_path: Path) -> None:
    assert told(tmp_path, "[http, queue]", rules_py=text) == []


def test_a_module_that_is_not_there_is_found_without_a_list_and_in_other_files(
    tmp_path: Path,
) -> None:
    assert told(tmp_path, None, rules_py="from runtime.modules import quue") == [
        "rules.py:1:29: no module 'runtime.modules.quue'; did you mean 'queue'?"
    ]


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    text = "from .h import main\nfrom .rules import check\nfrom runtime.modules import queue"

    assert told(tmp_path, "[http, queue]", rules_py=text) == []
