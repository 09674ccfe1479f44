"""FastAPI with Celery on Redis, and its worker with two processes.

Results are not asked for, so that they need not be stored. The connection is opened in each
process, since SQLite may not be carried over a fork.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from typing import Any

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI + Celery on Redis"
PLACE = "brokered"
PACKAGES = ["fastapi", "celery", "redis"]
REDIS = True
WORKERS = [
    "celery --app benchmarks.peers.fastapi_celery:celery worker --concurrency 2 --loglevel WARNING"
]

celery = Celery(broker=os.environ["REDIS_URL"])
celery.conf.task_ignore_result = True


@functools.cache
def database() -> sqlite3.Connection:
    return task.connect()


@celery.task
def work(created: dict[str, Any]) -> None:
    task.perform(database(), created)


app = FastAPI()


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    work.delay(created)
    return {"id": created["id"], "status": "queued"}
