"""Extra: packages that are installed only for those who use them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from runtime.findings.finding import Problem


def how_to_install(extra: str) -> str:
    """The command that installs the packages of an extra."""
    return f"run: pip install 'manifest-runtime[{extra}]'"


def missing_package(extra: str, package: str, *modules: str) -> Iterator[Problem]:
    """A problem with a kind, if one of the modules of a package that it needs is not there."""
    if any(find_spec(module) is None for module in modules):
        message = f"this kind needs {package}, which is not installed"
        yield Problem(("kind",), message, how_to_install(extra))
