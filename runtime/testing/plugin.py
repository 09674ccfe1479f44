"""Plug-in for pytest: a failed test shows the log and the dead letters of its applications.

Imports nothing of the runtime, since pytest loads it in each run on a machine that has it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

_EVIDENCE = "runtime.testing.evidence"


def pytest_runtest_logstart() -> None:
    """Forget what applications did before the test."""
    if evidence := sys.modules.get(_EVIDENCE):
        evidence.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what applications did in the test, if it has failed."""
    report = yield
    evidence: Any = sys.modules.get(_EVIDENCE)
    if report.failed and evidence is not None:
        report.sections += evidence.sections()
    return report
