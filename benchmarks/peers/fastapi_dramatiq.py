"""FastAPI with Dramatiq on Redis, and a worker process with two threads."""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI + Dramatiq on Redis"
PLACE = "brokered"
PACKAGES = ["fastapi", "dramatiq", "redis"]
REDIS = True
WORKERS = ["dramatiq benchmarks.peers.fastapi_dramatiq --processes 1 --threads 2"]

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
database = task.connect()


@dramatiq.actor
def work(created: dict[str, Any]) -> None:
    task.perform(database, created)


app = FastAPI()


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    work.send(created)
    return {"id": created["id"], "status": "queued"}
