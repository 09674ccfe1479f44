"""Bare: an ASGI application that parses a body and answers.

python benchmarks/limits/bare.py PORT
"""

from __future__ import annotations

from typing import Any

from benchmarks.limits.server import decode, encode, serve, start

START = start(len(encode({"status": "queued"})))


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["method"] == "POST":
        decode((await receive())["body"])
    await send(START)
    await send({"type": "http.response.body", "body": encode({"status": "queued"})})


if __name__ == "__main__":
    serve(app)
