"""Programs: the notes API of the examples, and the same in FastAPI, with their files."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.subject import ROOT, UVICORN, Subject

EXAMPLE = ROOT / "examples" / "notes-api"
TWIN = ROOT / "benchmarks" / "applications" / "notes_fastapi"
PUBLIC = "public"
"""The page, which both serve as it is."""
KEY = {"NOTES_KEY": "a key of a benchmark, which is long enough for HS256"}
QUIET = "--log-level warning"


def example(folder: Path) -> None:
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    compileall.compile_dir(folder, quiet=1)


def twin(folder: Path) -> None:
    shutil.copytree(TWIN, folder, dirs_exist_ok=True)
    shutil.copytree(EXAMPLE / PUBLIC, folder / PUBLIC)
    compileall.compile_dir(folder, quiet=1)


OURS = Subject(
    "runtime",
    "ours",
    [f"runtime run {{folder}} -o app:gateway:addr=127.0.0.1:{{port}} {QUIET}"],
    example,
    variables=KEY,
    packages=["jwt"],
)
FASTAPI = Subject(
    "FastAPI",
    "in process",
    [UVICORN.replace("{module}", "main")],
    twin,
    variables=KEY,
    packages=["fastapi", "jwt", "pydantic_settings"],
)


def sources(folder: Path) -> Sequence[Path]:
    """The files that somebody wrote for an application: neither its page nor its tests."""
    files = [file for pattern in ("*.py", "*.yaml", "*.sql") for file in folder.rglob(pattern)]
    left_out = {PUBLIC, "tests"}
    return sorted(f for f in files if left_out.isdisjoint(f.relative_to(folder).parts))
