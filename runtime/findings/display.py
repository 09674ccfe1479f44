"""Display: file paths as findings, errors and listings print them."""

from __future__ import annotations

from pathlib import Path


def display_path(path: str | Path) -> str:
    """The path relative to the working directory if it is below it, else as it is."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # the latter: the working directory was deleted
        return str(path)
