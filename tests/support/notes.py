"""The notes API of the examples, copied into a folder and used over HTTP by one of its users."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.blackbox import ROOT, Reply, Site

NOTES = ROOT / "examples" / "notes-api"
KEY = {"NOTES_KEY": "a key for tests that has thirty-two bytes"}


def copy(folder: Path) -> Path:
    """Copy the application, without any data, into a folder of that folder."""
    target = folder / "notes-api"
    shutil.copytree(NOTES, target, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return target


class User:
    """Somebody who has signed up and logged in."""

    def __init__(self, site: Site, name: str) -> None:
        user = {"name": name, "password": "correct horse"}
        assert site.ask("POST", "/api/users", user).status == 201
        self._token = site.ask("POST", "/api/login", user).json["token"]
        self.site = site

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        authorization = {"Authorization": f"Bearer {self._token}"}
        return self.site.ask(method, f"/api{path}", body, {**authorization, **headers})

    def note(self, id: str) -> dict[str, Any]:
        reply = self.ask("GET", f"/notes/{id}")
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json
        return found
