"""Modules that changed are imported anew, with those that import them, and from no stale pyc."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from runtime.findings.finding import Position
from runtime.handlers.handler import Handlers
from runtime.handlers.modules import Fresh
from runtime.handlers.source_loader import SourceLoader
from runtime.handlers.threads import ThreadPool
from runtime.service import StartError
from tests.support.blackbox import write_files

RULES = "LIMIT = 1\nclass Rule: pass\n"
FILES = {
    "rules.py": RULES,
    "tasks.py": "from .rules import LIMIT, Rule\ndef main(): return LIMIT\n",
    "other.py": "state = []\ndef main(): return state\n",
    "lazy.py": "def main():\n    from .rules import LIMIT\n    return LIMIT\n",
    "web/__init__.py": "from . import page\nNAME = 'web'\n",
    "web/page.py": "from ..rules import LIMIT\ndef main(): return LIMIT\n",
}


class Loader:
    """The handlers of a folder, by the names of their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handlers = Handlers(folder, ThreadPool(1))

    def load(self, file: str, method: str = "main") -> Any:
        at = Position("_index.yaml", 1, 1)
        return self.handlers.load(f"file://{file}", method, self.folder, lambda *_: at).function

    def afresh(self) -> AbstractContextManager[Fresh]:
        return self.handlers.afresh()

    def stale(self) -> set[str]:
        """Import anew what has changed; the modules, by their names in the folder."""
        with self.afresh() as fresh:
            return {name.partition(".")[2] for name in fresh.names}


@pytest.fixture
def loader(tmp_path: Path) -> Iterator[Loader]:
    write_files(tmp_path / "shop", FILES)
    made = Loader(tmp_path / "shop")
    yield made
    made.handlers.forget()


def write(file: Path, text: str) -> None:
    """Change a file so that neither its time nor its size tells."""
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_changed_file_is_imported_anew_with_all_that_import_it(loader: Loader) -> None:
    for file in ("tasks.py", "other.py", "web/page.py"):
        loader.load(file)
    write(loader.folder / "rules.py", RULES.replace("1", "2"))

    assert loader.stale() == {"rules", "tasks", "web", "web.page"}
    assert [loader.load(file)() for file in ("tasks.py", "web/page.py")] == [2, 2]
    assert loader.stale() == set()


def test_what_imports_nothing_that_changed_keeps_its_state(loader: Loader) -> None:
    loader.load("other.py")().append(1)
    loader.load("tasks.py")
    (loader.folder / "rules.py").write_text("LIMIT = 3\nRule = None\n")

    loader.stale()

    assert loader.load("other.py")() == [1]


def test_an_import_inside_a_function_counts(loader: Loader) -> None:
    assert loader.load("lazy.py")() == 1
    write(loader.folder / "rules.py", RULES.replace("1", "5"))

    assert loader.stale() == {"rules", "lazy"}
    assert loader.load("lazy.py")() == 5


def test_an_edit_of_the_same_time_and_size_is_seen(loader: Loader) -> None:
    for limit in "23456789":
        write(loader.folder / "rules.py", RULES.replace("1", limit))
        loader.stale()
        assert loader.load("tasks.py")() == int(limit)


def test_the_first_import_reads_no_compiled_file_of_another_source(tmp_path: Path) -> None:
    import py_compile

    write_files(tmp_path / "shop", FILES)
    py_compile.compile(str(tmp_path / "shop" / "rules.py"))
    write(tmp_path / "shop" / "rules.py", RULES.replace("1", "7"))
    loader = Loader(tmp_path / "shop")
    try:
        assert loader.load("tasks.py")() == 7
    finally:
        loader.handlers.forget()


def test_a_source_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def record(loader: SourceLoader, data: bytes, path: str) -> CodeType:
        compiled.append(Path(path).name)
        return compile(data, path, "exec", dont_inherit=True)

    monkeypatch.setattr(SourceLoader, "source_to_code", record)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    write(folder / "rules.py", RULES)
    assert imported(folder) == 1
    assert imported(folder) == 1
    assert compiled == ["tasks.py", "rules.py"]
    write(folder / "rules.py", RULES.replace("1", "7"))
    assert imported(folder) == 7
    assert compiled == ["tasks.py", "rules.py", "rules.py"]
    [cut] = folder.glob("__pycache__/rules.*.pyc")
    cut.write_bytes(cut.read_bytes()[:-9])
    assert imported(folder) == 7
    folder = folder.rename(tmp_path / "moved")
    assert imported(folder) == 7
    assert compiled == ["tasks.py", "rules.py", "rules.py", "rules.py", "tasks.py", "rules.py"]


def imported(folder: Path) -> Any:
    """What its tasks.py returns, in an application of its own."""
    loader = Loader(folder)
    try:
        return loader.load("tasks.py")()
    finally:
        loader.handlers.forget()


def test_a_function_that_was_deleted_is_gone(loader: Loader) -> None:
    loader.load("tasks.py")
    (loader.folder / "tasks.py").write_text("def other(): return 1\n")

    with pytest.raises(StartError, match="no function 'main'"), loader.afresh():
        loader.load("tasks.py")
    assert loader.load("tasks.py")() == 1  # the old module is back


def test_a_module_that_was_deleted_is_gone(loader: Loader) -> None:
    loader.load("web/page.py")
    (loader.folder / "web" / "page.py").unlink()

    with pytest.raises(StartError, match="cannot import name 'page'"), loader.afresh():
        loader.load("web/__init__.py")
    assert sys.modules["shop_application.web"].page is sys.modules["shop_application.web.page"]


def test_one_version_of_a_class_is_left(loader: Loader) -> None:
    (loader.folder / "a.py").write_text("from .rules import Rule\ndef main(): return Rule\n")
    (loader.folder / "b.py").write_text("from . import rules\ndef main(): return rules.Rule()\n")
    loader.load("a.py")
    loader.load("b.py")
    write(loader.folder / "rules.py", RULES.replace("1", "4"))

    loader.stale()

    assert isinstance(loader.load("b.py")(), loader.load("a.py")())


@pytest.mark.parametrize("broken", ["1 / 0\n", "def main(:\n", "from .nowhere import x\n"])
def test_a_failure_puts_the_old_modules_back(loader: Loader, broken: str) -> None:
    main = loader.load("tasks.py")
    before = {name: each for name, each in sys.modules.items() if "shop_application" in name}
    write(loader.folder / "rules.py", RULES.replace("1", "2"))
    (loader.folder / "tasks.py").write_text(f"from .rules import LIMIT\n{broken}")

    with pytest.raises(StartError, match=r"tasks\.py"), loader.afresh():
        loader.load("tasks.py")

    after = {name: each for name, each in sys.modules.items() if "shop_application" in name}
    assert after == before
    assert sys.modules["shop_application"].rules is after["shop_application.rules"]
    assert loader.load("tasks.py") is main


def test_a_module_that_an_import_missed_is_taken_once_it_is_there(loader: Loader) -> None:
    text = "try:\n    from .extra import main\nexcept ImportError:\n    def main(): return 0\n"
    (loader.folder / "maybe.py").write_text(text)
    assert loader.load("maybe.py")() == 0
    assert loader.stale() == set()
    (loader.folder / "extra.py").write_text("def main(): return 9\n")

    assert loader.stale() == {"maybe"}
    assert loader.load("maybe.py")() == 9


def test_a_package_takes_the_place_of_a_file(loader: Loader) -> None:
    loader.load("tasks.py")
    write_files(loader.folder, {"rules/__init__.py": "LIMIT = 8\nclass Rule: pass\n"})

    assert loader.stale() == {"rules", "tasks"}
    assert loader.load("tasks.py")() == 8


def test_a_module_may_run_a_loop_while_it_is_imported(loader: Loader) -> None:
    code = "import asyncio\nasyncio.run(asyncio.sleep(0))\ndef main(): return 1\n"
    (loader.folder / "loops.py").write_text(code)

    async def reload() -> None:
        assert loader.load("loops.py")() == 1
        await asyncio.sleep(0)

    asyncio.run(reload())
