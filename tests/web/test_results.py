"""Results that do not fit the annotation of their handler, which tests are told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import running
from tests.support.blackbox import write_files

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: it, kind: http.endpoint, meta: {router: api}, method: GET, path: /, func: file://h.py#main}
"""
HEAD = """
from __future__ import annotations
from typing import Any
from uuid import UUID
from msgspec import Struct
from runtime.modules import http


class Task(Struct):
    id: UUID
    n: int = 0


ID = "6f7a1c9e-6c0f-4f0e-9d57-1f0a8b1c2d3e"
"""


@pytest.mark.parametrize(
    "code",
    [
        "async def main() -> Task: return Task(UUID(ID))",
        "async def main() -> list[Task]: return [{'id': ID, 'n': 1}, Task(UUID(ID))]",
        "async def main() -> dict[str, Any]: return {'a': [1]}",
        "async def main() -> Any: return {'a': 1}",
        "async def main() -> None: return None",
        "async def main() -> http.Response: return http.Response('a')",
        "async def main() -> Task: return http.Response(status_code=204)",
        "async def main() -> Task: http.response().set_status(204)",
        "def main() -> str: return 'a'",
    ],
)
def test_a_result_that_fits_is_answered(tmp_path: Path, code: str) -> None:
    files = {"_index.yaml": MANIFEST, "h.py": f"{HEAD}{code}\n"}
    with running(write_files(tmp_path, files)) as app:
        assert app.get("/").status in (200, 204)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("async def main() -> Task: return {'id': ID, 'n': 'x'}", "#/n: must be an integer"),
        ("async def main() -> list[Task]: return [{'n': 1}]", "#/0/id: is missing"),
        ("def main() -> Task: return None", "#: must be an object"),
    ],
)
def test_a_result_that_does_not_fit_is_an_error_with_its_place(
    tmp_path: Path, code: str, said: str
) -> None:
    files = {"_index.yaml": MANIFEST, "h.py": f"{HEAD}{code}\n"}
    with running(write_files(tmp_path, files)) as app:
        assert app.get("/").status == 500
        (line,) = [line for line in app.logs() if line.level == "error"]
        assert f"h.py:14: the result does not fit its annotation: {said}" in line.text
