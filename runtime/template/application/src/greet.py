"""POST /greetings: accept a name, and queue a greeting."""

from runtime.modules import http, queue


async def handler(request):
    body = await request.json()
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise http.Error(400, "send a JSON object with a 'name'")

    id = await queue.publish("greetings", {"name": body["name"]})
    http.response().set_status(http.STATUS.ACCEPTED)
    return {"id": id, "status": "queued"}
