"""`show --effective`: every field as it will run, and where its value came from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.blackbox import execute, write_files

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: db, kind: db.sql.postgres, dsn: "postgresql://u:${secret:PW}@db/x", pool: {size: 3}}
  - {name: web, kind: http.service, addr: ":8080", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, options: {"cors.max.age": 60}, middleware: [cors]}
"""
PROD = """
app:db:
  pool: {size: 20}
  password: plain
app:router: {options: {cors.max.age: 600}}
"""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    write_files(tmp_path, {"app/_index.yaml": MANIFEST, "prod.yaml": PROD})
    return ["app", "-f", "prod.yaml", "-o", "app:web:addr=:9"]


def show(folder: Path, *arguments: str) -> str:
    ended = execute("show", *arguments, cwd=folder, env={**os.environ, "PW": "geheim"})
    assert ended.code == 0, ended.err
    return ended.out


def entries(folder: Path, *arguments: str) -> dict[str, Any]:
    data = json.loads(show(folder, "--effective", "--json", *arguments))
    return {each["id"]: each for each in data}


def test_each_field_has_the_place_of_its_value(tmp_path: Path, options: list[str]) -> None:
    found = entries(tmp_path, *options)

    origins = found["app:db"]["origins"]
    assert origins["dsn"] == "app/_index.yaml:3:44"
    assert origins["pool.size"] == "prod.yaml:2:16"
    assert origins["pool.wait"] == "default"
    assert found["app:router"]["origins"]['options."cors.max.age"'] == "prod.yaml:4:38"
    assert found["app:router"]["origins"]["meta.server"] == "the only http.service"
    assert found["app:web"]["origins"]["addr"] == "-o app:web:addr"
    assert found["app:db"]["fields"]["pool"]["size"] == 20


def test_no_secret_is_shown(tmp_path: Path, options: list[str]) -> None:
    fields = entries(tmp_path, *options)["app:db"]["fields"]

    assert fields["dsn"] == "postgresql://u:${secret:PW}@db/x"
    assert fields["password"] == "***"
    text = show(tmp_path, "--effective", *options)
    assert not [word for word in ("geheim", "plain", ":9") if word in text.replace("yaml:", "")]


def test_the_text_is_an_overlay(tmp_path: Path, options: list[str]) -> None:
    text = show(tmp_path, "--effective", *options)

    fields = {id: each["fields"] for id, each in entries(tmp_path, *options).items()}
    assert yaml.safe_load(text) == fields


def test_one_entry_alone_may_be_shown(tmp_path: Path, options: list[str]) -> None:
    assert [*entries(tmp_path, "web", *options)] == ["app:web"]
    assert show(tmp_path, "--effective", "web", *options).startswith("app:web:\n")


def test_without_an_entry_and_the_option_it_is_wrong_usage(tmp_path: Path) -> None:
    ended = execute("show", cwd=tmp_path)

    assert ended.code == 2
    assert "name an entry, or write --effective" in ended.err
