"""One task from the queue: do the work, store the result."""

import asyncio
import time

from runtime.modules import json, logger, queue, sql


async def main(task):
    message = queue.message()
    logger.info("processing task", id=task["id"], action=task["action"], attempt=message.attempt)

    # Pretend to work
    await asyncio.sleep(0.1)

    # What is to be done
    data = task["data"]
    if task["action"] == "uppercase":
        result = {"output": data.get("text", "").upper()}
    elif task["action"] == "sum":
        result = {"output": sum(data.get("numbers", []))}
    else:
        result = {"output": "processed"}

    # Store it. A task may be delivered twice, after a crash say; its row is written once.
    insert = (
        sql.builder.insert("tasks")
        .columns("id", "payload", "status", "result", "created_at", "processed_at")
        .values(
            task["id"],
            json.encode(task),
            "completed",
            json.encode(result),
            task["created_at"],
            int(time.time()),
        )
        .on_conflict_do_nothing()
    )
    try:
        await insert.run_with(sql.get("app:db")).execute()
    except Exception as error:
        logger.error("failed to store result", error=str(error))
        return False

    logger.info("task completed", id=task["id"])
    return True
