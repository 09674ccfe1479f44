"""FastAPI with Taskiq and its InMemoryBroker, which works in the web process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from taskiq import InMemoryBroker

from benchmarks import task

TITLE = "FastAPI + Taskiq in memory"
PLACE = "in process"
PACKAGES = ["fastapi", "taskiq"]

broker = InMemoryBroker()
database = task.connect()


@broker.task
async def work(created: dict[str, Any]) -> None:
    task.perform(database, created)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


app = FastAPI(lifespan=lifespan)


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
async def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    await work.kiq(created)
    return {"id": created["id"], "status": "queued"}
