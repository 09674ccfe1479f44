"""GET /tasks: the newest hundred tasks, all or those of one status."""

from runtime.modules import http, sql


async def handler():
    request, response = http.request(), http.response()

    try:
        db = sql.get("app:db")
    except LookupError:
        response.set_status(http.STATUS.INTERNAL_SERVER_ERROR)
        response.write_json({"error": "base de datos no disponible"})
        return

    status = request.query_params.get("status")

    query = (
        sql.builder.select("id", "payload", "status", "result", "created_at", "processed_at")
        .from_("tasks")
        .order_by("created_at DESC")
        .limit(100)
    )

    if status is not None:
        query = query.where({"status": status})

    try:
        rows = await query.run_with(db).query()
    except Exception:
        response.set_status(http.STATUS.INTERNAL_SERVER_ERROR)
        response.write_json({"error": "query falló"})
        return

    response.set_status(http.STATUS.OK)
    response.write_json({"tasks": rows, "count": len(rows)})
