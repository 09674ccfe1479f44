"""Server: a minimal uvicorn for a bare ASGI application, and the answer that all of them send."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import uvicorn
import uvloop

decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def start(length: int) -> dict[str, Any]:
    """The start of a 202 with a JSON body of that many bytes."""
    return {
        "type": "http.response.start",
        "status": 202,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(length).encode()),
        ],
    }


def serve(app: Any, work: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
    """Serve on the port that the command line names, and run `work` beside it."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )

    async def main() -> None:
        worker = asyncio.create_task(work()) if work else None
        await uvicorn.Server(config).serve()
        if worker is not None:
            worker.cancel()

    uvloop.run(main())
