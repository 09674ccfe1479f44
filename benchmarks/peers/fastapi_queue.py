"""FastAPI with an asyncio.Queue, and two workers that its lifespan starts.

The quickest that is commonly written by hand in one process. The insert is inline, as in
`fastapi_background`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI + asyncio.Queue"
PLACE = "in process"
PACKAGES = ["fastapi"]

database = task.connect()
queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()


async def work() -> None:
    while True:
        created = await queue.get()
        task.perform(database, created)
        queue.task_done()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    workers = [asyncio.create_task(work()) for _ in range(2)]
    yield
    for worker in workers:
        worker.cancel()


app = FastAPI(lifespan=lifespan)


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
async def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    await queue.put(created)
    return {"id": created["id"], "status": "queued"}
