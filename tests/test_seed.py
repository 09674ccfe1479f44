"""The manifest of the tutorial that this project started from, with Python in place of Lua."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.blackbox import EXAMPLE, FREE_PORT, eventually, execute, running

SEED = """\
version: "1.0"
namespace: app

entries:
  # Base de datos SQLite
  - name: db
    kind: db.sql.sqlite
    file: "./data/tasks.db"
    lifecycle:
      auto_start: true

  # Driver de cola en memoria
  - name: queue_driver
    kind: queue.driver.memory
    lifecycle:
      auto_start: true

  # Cola de tareas
  - name: tasks_queue
    kind: queue.queue
    driver: app:queue_driver

  # Servidor HTTP
  - name: gateway
    kind: http.service
    addr: ":8080"
    lifecycle:
      auto_start: true

  # Router
  - name: router
    kind: http.router
    meta:
      server: app:gateway

  # Proceso de migración (ejecuta una vez, termina)
  - name: migrate
    kind: process.lua
    source: file://migrate.lua
    method: main
    modules:
      - sql
      - logger

  # Servicio de migración (auto-inicia, termina al éxito)
  - name: migrate-service
    kind: process.service
    process: app:migrate
    host: app:processes
    lifecycle:
      auto_start: true

  # Process host
  - name: processes
    kind: process.host
    lifecycle:
      auto_start: true

  # Manejadores de API
  - name: create_task
    kind: function.lua
    source: file://create_task.lua
    method: handler
    modules:
      - http
      - queue
      - uuid

  - name: list_tasks
    kind: function.lua
    source: file://list_tasks.lua
    method: handler
    modules:
      - http
      - sql

  # Worker de cola
  - name: process_task
    kind: function.lua
    source: file://process_task.lua
    method: main
    modules:
      - queue
      - sql
      - logger
      - time
      - json

  # Endpoints
  - name: create_task.endpoint
    kind: http.endpoint
    meta:
      router: app:router
    method: POST
    path: /tasks
    func: app:create_task

  - name: list_tasks.endpoint
    kind: http.endpoint
    meta:
      router: app:router
    method: GET
    path: /tasks
    func: app:list_tasks

  # Consumidor de cola
  - name: task_consumer
    kind: queue.consumer
    queue: app:tasks_queue
    func: app:process_task
    concurrency: 2
    prefetch: 5
    lifecycle:
      auto_start: true
"""


def seed(folder: Path) -> Path:
    """Write the tutorial's manifest beside the handlers of the example."""
    source = folder / "src"
    shutil.copytree(EXAMPLE / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    manifest = SEED.replace("kind: function.lua", "kind: function.python")
    manifest = manifest.replace("kind: process.lua", "kind: process.python")
    manifest = manifest.replace(".lua\n", ".py\n")
    (source / "_index.yaml").write_text(manifest, encoding="utf-8")
    return folder


def test_the_seeds_manifest_runs_and_answers(tmp_path: Path) -> None:
    with running(seed(tmp_path), FREE_PORT) as site:
        task = {"action": "uppercase", "data": {"text": "hello world"}}
        queued = site.ask("POST", "/tasks", task)
        (row,) = eventually(lambda: site.ask("GET", "/tasks?status=completed").json.get("tasks"))

        assert queued.status == 202
        assert row["id"] == queued.json["id"]
        assert json.loads(row["result"]) == {"output": "HELLO WORLD"}
        assert site.stop() == 0


def test_kinds_of_lua_are_answered_with_the_kinds_of_python(tmp_path: Path) -> None:
    (seed(tmp_path) / "src" / "_index.yaml").write_text(SEED, encoding="utf-8")

    ended = execute("run", str(tmp_path))

    assert ended.code == 3
    assert ended.err.count("function.python") == 3
    assert ended.err.count("process.python") == 1
    assert ended.err.rstrip().endswith("4 findings")
