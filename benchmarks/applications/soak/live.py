import asyncio
import time

from runtime.modules import events


async def beat(body):
    await events.send("tick", time.time())


async def feed():
    ticks = events.listen("tick")
    yield "here"
    async for tick in ticks:
        yield tick


async def talk(socket):
    """Send each tick, and all that the client says back."""
    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(ticks(socket))
        async for message in socket:
            await socket.send(message)
        ticking.cancel()


async def ticks(socket):
    async for tick in events.listen("tick"):
        await socket.send(str(tick))
