"""Pictures come in and go out; what takes long is a message."""

import shutil
import time
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from starlette.responses import FileResponse

from runtime.modules.sync import http, logger, queue, registry


def upload(picture: http.UploadFile) -> dict[str, str]:
    """Take a picture. The answer says where to ask how far it is."""
    id = uuid4()
    folder = folder_of(id)
    folder.mkdir(parents=True)
    with (folder / "original").open("wb") as file:
        shutil.copyfileobj(picture.file, file)
    task = queue.publish("pictures", {"folder": str(folder)})
    http.response().set_status(202).set_header("Location", f"/tasks/{task}")
    return {"picture": str(id), "task": task}


def download(id: UUID, size: Literal["64", "256", "1024"]) -> FileResponse:
    """Send a thumbnail."""
    file = folder_of(id) / f"{size}.webp"
    if not file.is_file():
        raise http.Error(404, "there is no such picture, or not yet")
    return FileResponse(file, headers={"Cache-Control": "max-age=86400, immutable"})


def clean(log: logger.Logger) -> None:
    """Delete the pictures of yesterday."""
    yesterday = time.time() - 86_400
    old = [each for each in pictures().glob("*") if each.stat().st_mtime < yesterday]
    for folder in old:
        shutil.rmtree(folder)
    log.info("deleted pictures", count=len(old))


def folder_of(id: UUID) -> Path:
    return pictures() / str(id)


def pictures() -> Path:
    return Path(__file__).parents[1] / registry.get("files")["folder"]
