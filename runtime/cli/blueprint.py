"""Blueprint: the files of a new application, and of what runs it elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from runtime.cli.bundle import editor_schema
from runtime.cli.premises import Premises
from runtime.registry import Registry

_TEMPLATE = Path(__file__).parent.parent / "template"

PARTS = ("docker", "systemd", "compose", "k8s", "vscode")
"""Further files for an application."""
QUEUES = ("memory", "durable")
_SCHEMA = "schema"
_NEEDS = {"compose": "docker", "k8s": "docker", "vscode": _SCHEMA}
"""Parts that need the files of another."""
_NAMES = {
    "gitignore": ".gitignore",
    "dockerignore": ".dockerignore",
    "vscode": ".vscode",
    "application.service": "@slug@.service",
}
"""Named otherwise in the package, or they would apply to it."""
_CONDITION = re.compile(r"^@(\w+):(.*\n)", flags=re.MULTILINE)
_MEMORY = "  - name: queue_driver\n    kind: queue.driver.memory\n"


Files = dict[Path, str]
"""Texts by their paths, which are relative to the application's folder."""


def application(name: str, queue: str, tests: bool) -> Files:
    """The files of a new application, with its queue in one of QUEUES."""
    files = _render("application", {"name": name}, {"tests"} if tests else ())
    if not tests:
        files = {path: text for path, text in files.items() if path.parts[0] != "tests"}
    if queue == "durable":
        index = Path("src", "_index.yaml")
        durable = (_TEMPLATE / "durable.yaml").read_text(encoding="utf-8")
        files[index] = files[index].replace(_MEMORY, durable)
    return {**files, **_schema()}


def part(name: str, premises: Premises) -> Files:
    """The files of one of PARTS, or of what one of them needs."""
    if name == _SCHEMA:
        return _schema()
    conditions = {"data": premises.data_folder is not None, "tests": premises.tests}
    return _render(name, premises.values(), {word for word, met in conditions.items() if met})


def needed(parts: Collection[str]) -> list[str]:
    """The further parts that these need."""
    return sorted({_NEEDS[each] for each in parts if each in _NEEDS} - {*parts})


def _schema() -> Files:
    text = json.dumps(editor_schema(Registry()), indent=2, ensure_ascii=False)
    return {Path("runtime.schema.json"): text + "\n"}


def _render(part: str, values: Mapping[str, str], conditions: Collection[str]) -> Files:
    """The files of a part: a line after `@word:` is left out unless the condition is met, and
    `@word@` is replaced by its value.
    """
    files = {}
    for source in sorted((_TEMPLATE / part).rglob("*")):
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        text = source.read_text(encoding="utf-8")
        text = _CONDITION.sub(lambda line: line[2] if line[1] in conditions else "", text)
        names = (_NAMES.get(each, each) for each in source.relative_to(_TEMPLATE / part).parts)
        path = str(Path(*names))
        for word, value in values.items():
            text, path = text.replace(f"@{word}@", value), path.replace(f"@{word}@", value)
        files[Path(path)] = text
    return files
