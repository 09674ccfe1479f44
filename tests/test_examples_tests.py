"""The tests of the examples, and those that `runtime init` writes, in a pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blackbox import ROOT, execute

pytestmark = pytest.mark.slow

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/tests"))


PLAIN = ("-p", "no:asyncio", "-p", "no:anyio")
ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:anyio")
ANYIO = ("-p", "no:asyncio", "-p", "anyio")


def run_tests(folder: Path, *plugins: str) -> str:
    """Run the tests of an application from its folder, as its author does. A warning fails them."""
    options = ("-q", "-p", "no:cacheprovider", "-W", "error", *(plugins or PLAIN))
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_the_tests_of_an_example_pass_and_leave_no_data(folder: Path) -> None:
    before = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    assert " passed" in run_tests(folder)
    assert {path for path in folder.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.parametrize("plugins", [ASYNCIO, ANYIO], ids=["asyncio", "anyio"])
def test_tests_with_the_kit_pass_beside_plug_ins_for_asynchronous_tests(
    plugins: tuple[str, ...],
) -> None:
    assert " passed" in run_tests(ROOT / "examples" / "task-queue", *plugins)


@pytest.mark.parametrize("queue", ["memory", "durable"])
def test_the_tests_that_init_writes_pass(tmp_path: Path, queue: str) -> None:
    assert execute("init", str(tmp_path / "hello"), "--queue", queue).code == 0

    assert "2 passed" in run_tests(tmp_path / "hello")
