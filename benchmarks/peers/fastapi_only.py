"""FastAPI that only parses and answers, which is its share in the other peers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks import task

TITLE = "FastAPI, no work"
PLACE = "no work"
PACKAGES = ["fastapi"]

app = FastAPI()


class New(BaseModel):
    action: str
    data: dict[str, Any] = {}


@app.post("/tasks", status_code=202)
async def create(new: New) -> dict[str, str]:
    created = task.new(new.action, new.data)
    return {"id": created["id"], "status": "queued"}
