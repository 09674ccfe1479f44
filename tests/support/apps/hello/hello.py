"""GET /hello"""

from __future__ import annotations

from runtime.modules import http


async def handler():
    response = http.response()
    response.set_status(http.STATUS.OK)
    response.write_json({"message": "hello world"})
