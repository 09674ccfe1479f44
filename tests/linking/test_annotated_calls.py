"""Calls of what a handler is given by its annotations, which need an `await`."""

from __future__ import annotations

import pytest

from tests.linking.test_code import file

HEAD = """
from __future__ import annotations
from typing import Annotated
from runtime.modules import http, queue, sql
"""


def faults(code: str) -> list[str]:
    return [fault.message for fault in file(f"{HEAD}{code}\n").faults]


@pytest.mark.parametrize(
    ("parameter", "call", "name"),
    [
        ('db: Annotated[sql.Database, "db"]', "db.execute('x')", "db.execute"),
        ('db: Annotated[sql.Database, "db"] | None', "db.execute('x')", "db.execute"),
        ('tasks: Annotated[queue.Queue, "t"]', "tasks.publish(1)", "tasks.publish"),
        ("message: queue.Message", "message.ack()", "message.ack"),
        ("request: http.Request", "request.json()", "request.json"),
    ],
)
def test_a_call_without_await_is_a_finding(parameter: str, call: str, name: str) -> None:
    (found,) = faults(f"async def main({parameter}):\n    {call}")
    assert f"'{name}' is called without 'await'" in found
    assert faults(f"async def main({parameter}):\n    await ({call})") == []


def test_a_plain_def_is_given_what_blocks() -> None:
    code = 'def main(db: Annotated[sql.Database, "db"]):\n    db.execute("x")'
    assert faults(code) == []


def test_a_parameter_that_is_bound_again_is_not_known() -> None:
    code = "async def main(db: sql.Database):\n    db = wrap(db)\n    db.execute('x')"
    assert faults(code) == []
