"""Inspection: the names in a handler's file, which is not run; and the file that a source names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.linking.imports import known_modules, own_modules
from runtime.linking.inspection import HandlerFile, Signature, inspect
from runtime.linking.location import SourceError, locate


def of(text: str | bytes, folder: Path) -> HandlerFile:
    file = folder / "h.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return inspect(file)


@pytest.mark.parametrize(
    ("declared", "signature"),
    [
        ("()", Signature(0, 0)),
        ("(a)", Signature(1, 1)),
        ("(a, /, b, c=1)", Signature(2, 3)),
        ("(*args)", Signature(0, None)),
        ("(a, *args, **kw)", Signature(1, None)),
        ("(*, k, d=1)", Signature(0, 0, ("k",))),
    ],
)
def test_a_function_takes_what_it_declares(
    declared: str, signature: Signature, tmp_path: Path
) -> None:
    assert of(f"def main{declared}: pass", tmp_path).functions == {"main": signature}
    signature = replace(signature, is_async=True)
    assert of(f"async def main{declared}: pass", tmp_path).functions == {"main": signature}


@pytest.mark.parametrize(
    "text",
    [
        "@wrap\ndef main(a, b): pass",
        "def main(a): pass\nmain = wrap(main)",
        "if x:\n  def main(a): pass\nelse:\n  def main(): pass",
        "try:\n  from fast import main\nexcept ImportError:\n  from slow import main",
        "main = functools.partial(f, 1)",
        "main: Handler = make()",
        "a, (main, *b) = make()",
        "for main in handlers: pass",
        "with open(x) as main: pass",
        "if (main := make()): pass",
        "match x:\n  case 1:\n    def main(): pass",
        "class main: pass",
        "import package as main",
        "from .rules import main",
    ],
)
def test_a_name_that_may_be_anything_is_there_and_takes_nobody_knows_what(
    text: str, tmp_path: Path
) -> None:
    found = of(text, tmp_path)

    assert "main" in found
    assert found.functions == {}


@pytest.mark.parametrize("text", ["def f():\n  def main(): pass", "class C:\n  def main(self): 0"])
def test_a_name_inside_something_is_not_the_modules(text: str, tmp_path: Path) -> None:
    assert "main" not in of(text, tmp_path)


@pytest.mark.parametrize("text", ["from x import *", "def __getattr__(name): return f"])
def test_a_file_that_may_hold_more_is_opaque(text: str, tmp_path: Path) -> None:
    assert of(text, tmp_path).opaque


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(:\n", 1),
        ("x = 1\n  y = 2\n", 2),
        (b"x = '\xff'\n", 1),
        (b"x = 1\0\n", 1),
        (b"# coding: nonsense\n", 1),
    ],
)
def test_what_is_no_python_is_told_with_its_place(
    text: str | bytes, line: int, tmp_path: Path
) -> None:
    fault = of(text, tmp_path).fault

    assert fault is not None
    assert fault[0].startswith("not valid Python: ")
    assert fault[1] == line
    assert fault[2] >= 1


def test_a_file_is_read_and_never_run(tmp_path: Path) -> None:
    found = of("raise SystemExit\nprint('run')\ndef main(): pass", tmp_path)

    assert "main" in found
    assert found.fault is None


@pytest.mark.parametrize(
    "text",
    ['"x=1\\nif x: pass\\n" + "elif x: pass\\n" * 5000', '"(" * 50_000', '"-" * 100_000 + "1"'],
    ids=["elif", "brackets", "signs"],
)
def test_a_deep_file_ends_nothing(text: str, tmp_path: Path) -> None:
    # In a process of its own: a recursion that fails in here is more than pytest can bear.
    code = (
        "import sys; from pathlib import Path; from runtime.linking.inspection import inspect\n"
        f"file = Path(sys.argv[1]); file.write_text({text}); inspect(file); print('well')"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "h.py"], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (0, "well\n"), ended.stderr[-500:]


def test_the_names_that_may_be_listed() -> None:
    assert {"http", "queue", "sql", "process", "logger", "registry"} <= own_modules()
    assert "sync" not in own_modules()
    assert {"json", "time", "uuid"} <= known_modules()


# --- location ---


def test_a_source_is_relative_to_its_manifest_and_stays_in_the_application(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    (tmp_path / "shared.py").write_text("")

    assert locate("file://../shared.py", part, tmp_path) == tmp_path / "shared.py"
    assert locate("file://./../part/../shared.py", part, tmp_path) is not None
    with pytest.raises(SourceError, match="leads out"):
        locate("file://../shared.py", part, part)


def test_a_module_is_found_without_importing_it() -> None:
    file = locate("module://json.tool", Path(), Path())

    assert file is not None
    assert file.name == "tool.py"
    assert locate("module://json", Path(), Path()) is not None


@pytest.mark.parametrize("name", ["nowhere", "json.nowhere", "json.tool.nowhere", "a..b", ".", ""])
def test_what_is_not_installed_is_misplaced(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        locate(f"module://{name}", Path(), Path())

    assert f"'{name}'" in caught.value.message(name)


@pytest.mark.parametrize(
    "name", ["x" * 5000 + ".py", "loop.py", "a.b.py", "a.b/c.py", "none.py", "{}.py"]
)
def test_what_cannot_be_imported_is_misplaced(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop.py").symlink_to("loop.py")

    with pytest.raises(SourceError) as caught:
        locate(f"file://{name}", tmp_path, tmp_path)

    assert f"'{name}'" in caught.value.message(name)
