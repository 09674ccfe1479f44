"""FastAPI with Huey on SQLite, and Huey's consumer process with two threads.

Huey keeps its queue in a file of its own, in WAL mode and by default without waiting for the
disk. Enqueuing is a short write to that file; FastAPI runs the `def` in a thread, as it should.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from huey import SqliteHuey
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI + Huey on SQLite"
PLACE = "brokered"
DURABLE = True
PACKAGES = ["fastapi", "huey"]
WORKERS = ["huey_consumer benchmarks.peers.fastapi_huey.huey --workers 2 --quiet"]

huey = SqliteHuey(filename=str(Path(os.environ[task.FILE]).with_name("huey.db")), immediate=False)
database = task.connect()


@huey.task()
def work(created: dict[str, Any]) -> None:
    task.perform(database, created)


app = FastAPI()


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    work(created)
    return {"id": created["id"], "status": "queued"}
