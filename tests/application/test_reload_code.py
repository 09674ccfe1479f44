"""Changed handlers, applied to an application that is served: the new code answers, at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.service import StartError
from tests.support.blackbox import write_files
from tests.support.changing import Site, changes, linked, served
from tests.support.serving import run

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: "/{x}", func: answer}
  - {name: answer, kind: function.python, source: file://a.py, method: answer}
  - {name: free, kind: http.endpoint, meta: {router: router}, method: PUT, path: /, func: file://b.py#put}
"""  # noqa: E501
A = "from .c import LIMIT\nasync def answer(request):\n    return {'limit': LIMIT}\n"
FILES = {"a.py": A, "b.py": "def put(request):\n    return 'put'\n", "c.py": "LIMIT = 1\n"}


async def apply(site: Site, folder: Path, files: dict[str, str]) -> None:
    write_files(folder, files)
    await site.application.apply(linked(folder, MANIFEST))


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        ({"c.py": "LIMIT = 2\n"}, b'{"limit":2}'),
        ({"a.py": A.replace("async def", "def")}, b'{"limit":1}'),
        ({"a.py": "async def answer(x: int) -> int:\n    return x + 1\n"}, b"8"),
        ({"a.py": "def answer(x: int, y: int = 5) -> int:\n    return x * y\n"}, b"35"),
        ({"a.py": "def answer():\n    return 'nothing'\n"}, b"nothing"),
    ],
)
def test_the_next_request_is_answered_by_the_new_code(
    files: dict[str, str], answer: bytes, tmp_path: Path
) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert (await site.client.get("/7")).body == b'{"limit":1}'
            before = site.component("answer"), site.component("free"), site.component("gateway")
            await apply(site, tmp_path, files)

            assert (await site.client.get("/7")).body == answer
            assert site.component("answer") is not before[0]
            assert (site.component("free"), site.component("gateway")) == before[1:]
            await apply(site, tmp_path, FILES)
            assert (await site.client.get("/7")).body == b'{"limit":1}'

    run(main())


def test_an_edit_of_the_same_size_in_the_same_moment_is_new_code(tmp_path: Path) -> None:
    """As an editor, a checkout or a formatter may leave it; a pyc would count as fresh."""
    write_files(tmp_path, FILES)
    moment = (tmp_path / "c.py").stat().st_mtime_ns

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            for limit in (2, 3, 1, 4):
                write_files(tmp_path, {"c.py": f"LIMIT = {limit}\n"})
                os.utime(tmp_path / "c.py", ns=(moment, moment))
                await site.application.apply(linked(tmp_path, MANIFEST))
                assert (await site.client.get("/7")).json() == {"limit": limit}

    run(main())


def test_what_was_deleted_is_gone(tmp_path: Path) -> None:
    names = "from . import c\ndef answer():\n    return [n for n in vars(c) if n.isupper()]\n"
    write_files(tmp_path, {**FILES, "a.py": names, "c.py": "from .d import DEEP\nLIMIT = 1\n"})
    write_files(tmp_path, {"d.py": "DEEP = 1\n"})

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert (await site.client.get("/7")).json() == ["DEEP", "LIMIT"]
            await apply(site, tmp_path, {"c.py": "LIMIT = 1\n"})
            (tmp_path / "d.py").unlink()
            assert (await site.client.get("/7")).json() == ["LIMIT"]
            await site.application.apply(linked(tmp_path, MANIFEST))
            write_files(tmp_path, {"a.py": "def other():\n    return 'other'\n"})
            with pytest.raises(ManifestError, match="answer"):
                linked(tmp_path, MANIFEST)
            assert (await site.client.get("/7")).json() == ["LIMIT"]

    run(main())


def test_a_sibling_of_a_sibling_is_new_too(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "c.py": "from .d import LIMIT\n", "d.py": "LIMIT = 5\n"})

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert (await site.client.get("/7")).json() == {"limit": 5}
            await apply(site, tmp_path, {"d.py": "LIMIT = 6\n"})
            assert (await site.client.get("/7")).json() == {"limit": 6}

    run(main())


def test_a_function_that_becomes_a_coroutine_is_awaited(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    plain = "def put(request):\n    return 'put'\n"

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            for code in (f"async {plain}", plain, f"async {plain}"):
                await apply(site, tmp_path, {"b.py": code})
                assert (await site.client.get("/", method="PUT")).body == b"put"

    run(main())


def test_an_inline_function_is_one_too(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert (await site.client.get("/", method="PUT")).body == b"put"
            await apply(site, tmp_path, {"b.py": "def put(request):\n    return 'new'\n"})
            assert (await site.client.get("/", method="PUT")).body == b"new"

    run(main())


@pytest.mark.parametrize("broken", ["1 / 0\n", "from .nowhere import x\n"])
def test_code_that_cannot_be_imported_changes_nothing(
    broken: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            before = dict(site.application.scope.components)
            caplog.clear()
            for _ in range(2):
                with pytest.raises(StartError, match=r"c\.py"):
                    await apply(site, tmp_path, {"c.py": broken})
                assert (await site.client.get("/7")).body == b'{"limit":1}'
            assert site.application.scope.components == before
            assert changes(caplog) == []
            await apply(site, tmp_path, {"c.py": "LIMIT = 3\n"})
            assert (await site.client.get("/7")).body == b'{"limit":3}'

    run(main())


POOLED = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: heavy}
  - {name: heavy, kind: function.python, source: file://heavy.py, method: main, processes: 1}
"""


def test_the_processes_of_a_function_run_the_new_code(tmp_path: Path) -> None:
    code = "import os\ndef main(request):\n    return {'version': 1, 'pid': os.getpid()}\n"
    write_files(tmp_path, {"heavy.py": code})

    async def main() -> None:
        async with served(tmp_path, POOLED) as site:
            first = (await site.client.get("/")).json()
            write_files(tmp_path, {"heavy.py": code.replace("1", "2")})
            await site.application.apply(linked(tmp_path, POOLED))
            second = (await site.client.get("/")).json()
            assert (first["version"], second["version"]) == (1, 2)
            assert first["pid"] != second["pid"]

    run(main())
