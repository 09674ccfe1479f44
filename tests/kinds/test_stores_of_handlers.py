"""store.memory and store.sql in an application: handlers, findings, several programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.linking.linker import LinkedManifest
from tests.support.blackbox import write_files
from tests.support.hosting import GATEWAY, hosted, linked, remarks
from tests.support.program import running
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - {name: router, kind: http.router}
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: cache, kind: store.memory, max_size: 4KiB, overflow: refuse}
  - {name: sessions, kind: store.sql}
  - {name: put, kind: http.endpoint, method: PUT, path: "/{store}/{key}", func: "file://h.py#put"}
  - {name: get, kind: http.endpoint, method: GET, path: "/{store}/{key}", func: "file://h.py#get"}
"""
)
HANDLERS = """
from runtime.modules import http, store
from runtime.modules.sync import http as sync_http, store as sync_store

async def put(request):
    value = await request.json()
    await store.get(request.path_params["store"]).set(request.path_params["key"], value)

def get(request):
    found = sync_store.get(request.path_params["store"]).get(request.path_params["key"])
    return {"found": found}
"""


@pytest.mark.parametrize("store", ["cache", "app:sessions"])
def test_handlers_of_both_sorts_have_one_store(tmp_path: Path, store: str) -> None:
    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, {"h.py": HANDLERS}) as app:
            assert (await app.get(f"/{store}/a", method="PUT", body=b"[1]")).status == 204
            assert (await app.get(f"/{store}/a")).json() == {"found": [1]}
            assert (await app.get(f"/{store}/b")).json() == {"found": None}

    run(test())


def test_a_full_store_is_a_503(tmp_path: Path) -> None:
    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, {"h.py": HANDLERS}) as app:
            answer = await app.get("/cache/a", method="PUT", body=b'"' + b"x" * 5000 + b'"')
            assert answer.status == 503
            assert answer["retry-after"] == "1"

    run(test())


def test_what_is_no_store_is_told_with_what_to_name(tmp_path: Path) -> None:
    handlers = HANDLERS.replace('request.path_params["store"]', '"db"', 1)

    assert told(tmp_path, MANIFEST, handlers) == ["'app:db' is of kind db.sql.sqlite, not store.*"]


def test_a_forgotten_await_is_a_finding(tmp_path: Path) -> None:
    handlers = """
    from runtime.modules import store
    async def put(request): store.get("cache").set("a", 1)
    async def get(request): return await store.get("cache").get("a")
    """
    (text,) = told(tmp_path, MANIFEST, handlers)

    assert "store.Store.set" in text or "await" in text


def test_a_store_that_only_code_names_starts_and_is_a_need(tmp_path: Path) -> None:
    handlers = HANDLERS.replace('request.path_params["store"]', '"sessions"')
    manifest: LinkedManifest = linked(tmp_path, MANIFEST, {"h.py": handlers})
    needs = {str(id): [*map(str, others)] for id, others in manifest.graph.needs.items()}

    assert "app:sessions" in needs["app:put"]
    assert needs["app:sessions"] == ["app:db"]


def test_two_stores_of_one_name_in_a_database_are_a_finding(tmp_path: Path) -> None:
    more = "  - {name: other, kind: store.sql, store_name: sessions}\n"

    (text,) = told(tmp_path, MANIFEST + more, HANDLERS)
    assert text.startswith("the store name 'sessions' is taken on 'app:db'")


def test_a_store_in_memory_cannot_be_shared_by_workers(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": MANIFEST, "h.py": HANDLERS})
    with running(tmp_path, "--workers", "2", ready=False) as program:
        assert program.wait() == 3
        text = (
            "'app:cache' is of kind store.memory, which works within one process, and each worker"
        )
        assert text in program.stderr
        assert "use store.sql" in program.stderr


def told(folder: Path, manifest: str, handlers: str) -> list[str]:
    return [each.message for each in remarks(folder, manifest, {"h.py": handlers})]
