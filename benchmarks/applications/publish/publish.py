from runtime.modules import http, queue


async def create(request):
    await queue.publish("tasks", await request.json())
    http.response().set_status(202)
    return {"status": "queued"}
