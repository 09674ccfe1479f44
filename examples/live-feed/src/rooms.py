import asyncio
import os
from typing import Annotated

import msgspec

from runtime.modules import events, http

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=30)]


class Words(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


async def room(socket: http.WebSocket, id: int, name: Name):
    said = events.listen("said")
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(hear(socket, id, said))
        await say(id, name, does="came")
        async for words in socket.json(Words):
            await say(id, name, text=words.text)
        hearing.cancel()
    await say(id, name, does="left")


async def hear(socket, id, said):
    async for message in said:
        if message["room"] == id:
            await socket.send(message)


async def say(id, name, **what):
    await events.send("said", {"room": id, "name": name, "worker": os.getpid(), **what})
