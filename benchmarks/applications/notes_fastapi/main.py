"""The notes API in FastAPI: the same routes as examples/notes-api."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import notes
import users
from database import connected
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from reminders import remind


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with connected(app):
        reminding = asyncio.create_task(remind(app.state.db))
        yield
        reminding.cancel()
        with suppress(asyncio.CancelledError):
            await reminding


app = FastAPI(title="Notes", version="1.0", lifespan=lifespan)
app.include_router(users.router)
app.include_router(notes.router)
app.mount("/", StaticFiles(directory="public", html=True))
