"""Silence: no configuration of `logging` keeps the runtime from saying what happens."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.program import SOON, running, write_application
from tests.test_architecture import MODULES

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: api, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: api}, method: GET, path: "/", func: boom}
  - {name: boom, kind: function.python, source: "file://handlers.py", method: boom}
"""
SILENCE = {
    "dictConfig": "logging.config.dictConfig({'version': 1})",
    "disabled": "logging.disable(logging.CRITICAL)",
    "cleared": "logging.getLogger().handlers.clear()",
    "level": "logging.getLogger().setLevel(100); logging.getLogger('runtime').setLevel(100)",
    "forced": "logging.basicConfig(force=True, filename='/dev/null')",
    "propagate": "logging.getLogger('runtime').propagate = False",
    "shutdown": "logging.shutdown()",
    "raising": "logging.setLoggerClass(type('L', (logging.Logger,), {'handle': None}))",
}
BOOM = """
import asyncio
import logging.config
SILENCE

async def boom():
    SILENCE
    async def background():
        raise KeyError("in the background")
    task = asyncio.create_task(background())
    await asyncio.sleep(0)
    del task
    raise ValueError("the reason")
"""


@pytest.mark.parametrize("silence", SILENCE.values(), ids=SILENCE)
def test_the_runtime_is_heard(silence: str, tmp_path: Path) -> None:
    folder = write_application(
        tmp_path, MANIFEST, **{"handlers.py": BOOM.replace("SILENCE", silence)}
    )
    with running(folder) as program:
        assert httpx.get(program.url(), timeout=SOON).status_code == 500
        line = program.wait_for("GET / failed: ValueError: the reason")
        assert line["error"]["stack"].rstrip().endswith("ValueError: the reason")
        program.wait_for("Task exception was never retrieved")
        assert program.stop() == 0
        assert program.messages[-1].startswith("stopped in")


def test_the_runtime_has_no_logger_among_everybody_s() -> None:
    shared = [
        name
        for name, path in MODULES.items()
        if 'logging.getLogger("runtime' in path.read_text(encoding="utf-8")
    ]
    assert shared == [], "use runtime.loggers.logger"
