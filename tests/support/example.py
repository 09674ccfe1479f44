"""The example of the repository, copied into a folder and asked over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.support.blackbox import EXAMPLE, Reply, Site, eventually


def copy(folder: Path) -> Path:
    """Copy the example, without any data, into a folder of that folder."""
    target = folder / "task-queue"
    shutil.copytree(EXAMPLE, target, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return target


def post(site: Site, body: Any) -> Reply:
    return site.ask("POST", "/tasks", body, {"Content-Type": "application/json"})


def rows(site: Site) -> list[dict[str, Any]]:
    """The tasks that the example lists."""
    reply = site.ask("GET", "/tasks")
    assert reply.status == 200, reply.body
    tasks: list[dict[str, Any]] = reply.json["tasks"]
    return tasks


def row(site: Site, id: str) -> dict[str, Any] | None:
    return next((task for task in rows(site) if task["id"] == id), None)


def complete(site: Site, body: Any) -> dict[str, Any]:
    """Post a task and wait for its row."""
    id = post(site, body).json["id"]
    return eventually(lambda: row(site, id)) or {}
