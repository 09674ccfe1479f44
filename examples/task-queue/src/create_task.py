"""POST /tasks: take a task and put it into the queue."""

import time
import uuid

from runtime.modules import http, queue


async def handler():
    request, response = http.request(), http.response()

    try:
        body = await request.json()
    except http.Error:
        body = None
    if not isinstance(body, dict):
        response.set_status(http.STATUS.BAD_REQUEST)
        response.write_json({"error": "JSON inválido"})
        return

    if not body.get("action"):
        response.set_status(http.STATUS.BAD_REQUEST)
        response.write_json({"error": "action requerido"})
        return

    task_id = str(uuid.uuid4())
    task = {
        "id": task_id,
        "action": body["action"],
        "data": body.get("data") or {},
        "created_at": int(time.time()),
    }

    try:
        await queue.publish("app:tasks_queue", task)
    except queue.Full:
        response.set_status(http.STATUS.INTERNAL_SERVER_ERROR)
        response.write_json({"error": "falló al encolar tarea"})
        return

    response.set_status(http.STATUS.ACCEPTED)
    response.write_json({"id": task_id, "status": "queued"})
