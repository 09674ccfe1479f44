"""Bare: an ASGI application that parses a body and answers, on a minimal uvicorn.

python benchmarks/limits/bare.py PORT
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn

HEAD = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"19")],
}
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["method"] == "POST":
        decode((await receive())["body"])
    await send(HEAD)
    await send({"type": "http.response.body", "body": encode({"status": "queued"})})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
