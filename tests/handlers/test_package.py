"""Packages: handlers have names that processes started by them, and later ones, can import."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtime.handlers import package
from tests.support.program import running, write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: api}, method: GET, path: "/{how}", func: get}
  - {name: get, kind: function.python, source: "file://web/get.py", method: get}
"""
MANIFEST = MANIFEST.replace("name: get, kind: http", "name: end, kind: http")
GET = """
import logging
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from ..work import Task

def work(task):
    return task.name, logging.getLogger(__name__).name

def get(request):
    context = multiprocessing.get_context(request.path_params["how"])
    with ProcessPoolExecutor(1, context) as pool:
        name, logger = pool.submit(work, Task("a")).result(20)
    return {"name": name, "logger": logger, "pickle": pickle.dumps(Task("a")).hex()}
"""
WORK = """
class Task:
    def __init__(self, name):
        self.name = name
"""


@pytest.fixture
def names() -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for name in made:
        package.remove(name)


@pytest.mark.parametrize("how", ["spawn", "forkserver", "fork"])
def test_a_process_pool_finds_the_functions_and_classes_of_handlers(
    how: str, tmp_path: Path
) -> None:
    files = {"web/get.py": GET, "work.py": WORK}
    folder = write_application(tmp_path / "my shop-2", MANIFEST, **files)
    with running(folder) as program:
        answer = httpx.get(program.url(f"/{how}"), timeout=20).json()

        assert answer["name"] == "a"
        assert answer["logger"] == "my_shop_2_application.web.get"
        assert b"my_shop_2_application.work" in bytes.fromhex(answer["pickle"])
        assert program.stop() == 0


def test_another_program_reads_what_was_pickled(tmp_path: Path, names: list[str]) -> None:
    write_application(tmp_path / "shop", MANIFEST, **{"work.py": WORK})
    names.append(package.add(tmp_path / "shop"))
    from importlib import import_module

    pickled = pickle.dumps(import_module("shop_application.work").Task("a"))
    reads = (
        "import sys, pickle, runtime.__main__\nprint(pickle.loads(bytes.fromhex(sys.argv[1])).name)"
    )
    command = [sys.executable, "-c", reads, pickled.hex()]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "a\n"


def test_two_applications_share_no_package(tmp_path: Path, names: list[str]) -> None:
    names += [package.add(tmp_path / "shop"), package.add(tmp_path / "other" / "shop")]
    names += [package.add(tmp_path / "shop"), package.add(tmp_path / "2nd"), package.add(Path("/"))]

    assert names == [
        "shop_application",
        "shop_application_2",
        "shop_application_3",
        "_2nd_application",
        "__application",
    ]


def test_nothing_is_left_of_one_that_is_removed(tmp_path: Path) -> None:
    package.remove(package.add(tmp_path / "gone_shop"))

    assert "gone_shop_application" not in sys.modules
    assert package.VARIABLE not in os.environ or "gone_shop" not in os.environ[package.VARIABLE]
