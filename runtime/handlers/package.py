"""Package: the application's folder as a Python package, here and in processes started from here.

A child that multiprocessing starts anew imports the functions and classes that it is sent by name.
It inherits the environment, and so learns in which folder such a name is.
"""

from __future__ import annotations

import json
import os
import re
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from runtime.handlers.source_loader import SourceFinder

VARIABLE = "_RUNTIME_PACKAGES"
"""The environment variable with the folders of packages, by name. Private."""

SUFFIX = "_application"

finder = SourceFinder()
"""Finds the modules of the packages that were added."""


def without_names(text: str) -> str:
    """A text without the names of such packages, which nobody has written."""
    return re.sub(rf"\b\w+{SUFFIX}(?:_\d+)?\.", "", text, flags=re.ASCII)


def add(folder: Path) -> str:
    """Make a package of a folder and return its name: `shop_application` for `/srv/shop`.

    The name is the same in the next run, so that what was pickled can be read again. A folder that
    is added twice gets two packages: two applications share no module.
    """
    words = re.sub(r"\W", "_", folder.name, flags=re.ASCII)
    plain = f"{words or '_'}{SUFFIX}" if not words[:1].isdigit() else f"_{words}{SUFFIX}"
    name, number = plain, 1
    while name in sys.modules:
        number += 1
        name = f"{plain}_{number}"
    sys.modules[name] = _package(name, folder)
    _find_modules_of(name)
    _write({**_read(), name: str(folder)})
    return name


def remove(name: str) -> None:
    """Remove a package and its modules from `sys.modules`."""
    for module in [*sys.modules]:
        if module == name or module.startswith(f"{name}."):
            del sys.modules[module]
    finder.remove(name)
    _write({other: folder for other, folder in _read().items() if other != name})


def find_in_children() -> None:
    """In a process that was started from an application, find its packages by their names."""
    if VARIABLE in os.environ and not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not (folder := _read().get(name)):
            return None
        _find_modules_of(name)
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec


def _find_modules_of(name: str) -> None:
    finder.add(name)
    if finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)


def _package(name: str, folder: Path) -> types.ModuleType:
    package = types.ModuleType(name, f"The handlers of {folder}.")
    package.__path__ = [str(folder)]
    return package


def _read() -> dict[str, str]:
    try:
        return dict(json.loads(os.environ.get(VARIABLE, "{}")))
    except (ValueError, TypeError):
        return {}  # not from us


def _write(folders: dict[str, str]) -> None:
    if folders:
        os.environ[VARIABLE] = json.dumps(folders)
    else:
        os.environ.pop(VARIABLE, None)
