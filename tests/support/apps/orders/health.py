"""GET /api/health"""

from __future__ import annotations


async def handler():
    return {"status": "ok"}
