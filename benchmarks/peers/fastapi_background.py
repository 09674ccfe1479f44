"""FastAPI with BackgroundTasks: what its documentation shows first.

The task is an `async def` with the insert inline. That blocks the loop for the length of an
insert, and is still much quicker than the thread that a `def` would get, or aiosqlite.
"""

from __future__ import annotations

from typing import Any

from fastapi import BackgroundTasks, FastAPI
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI + BackgroundTasks"
PLACE = "in process"
PACKAGES = ["fastapi"]

app = FastAPI()
database = task.connect()


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
async def create(new: New, background: BackgroundTasks) -> dict[str, str]:
    created = task.new(new.action, new.data)
    background.add_task(work, created)
    return {"id": created["id"], "status": "queued"}


async def work(created: dict[str, Any]) -> None:
    task.perform(database, created)
