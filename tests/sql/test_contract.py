"""The contract: what handlers import of databases loads no engine."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import sys
import {module}
print(*(name for name in sys.modules if name.startswith("runtime.engines.sql.sqlite")))
"""


@pytest.mark.parametrize(
    "module",
    [
        "runtime.engines.sql.contract",
        "runtime.engines.sql.builder",
        "runtime.kinds.db.sql",
        "runtime.modules.sql",
        "runtime.modules.sync.sql",
    ],
)
def test_the_contract_is_known_without_sqlite(module: str) -> None:
    program = [sys.executable, "-c", LOADED.format(module=module)]
    loaded = subprocess.run(program, capture_output=True, text=True, check=True)

    assert loaded.stdout == "\n"
