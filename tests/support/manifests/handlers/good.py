"""Handlers that are right."""

from __future__ import annotations

from runtime.modules import http


async def nothing():
    return {}


async def one(body):
    return http.STATUS.OK


async def two(first, second):
    return None


async def keyword(*, needed):
    return needed
