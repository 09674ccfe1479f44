from runtime.modules import http, queue, sql

from .rules import VERSION


async def create(request):
    id = await queue.publish("tasks", await request.json())
    http.response().set_status(202)
    return {"id": id}


async def newest():
    return await sql.get("db").query("SELECT number, at FROM done ORDER BY number DESC LIMIT 20")


async def archived():
    return await sql.get("archive").query("SELECT 1 AS here")


def version():
    return {"version": VERSION}
