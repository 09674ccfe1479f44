"""A handler that keeps the event loop: management answers, and names it."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from tests.support.blackbox import Site, eventually
from tests.support.managing import Managed, managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: block, kind: http.endpoint, method: GET, path: "/{how}", func: report}
  - {name: report, kind: function.python, source: file://report.py, method: block}
"""
HANDLER = """
import time

async def block(how: str):
    if how == "sleep":
        time.sleep(3)
    until = time.monotonic() + 3
    while how == "spin" and time.monotonic() < until:
        pass
    return how
"""


def ask_while_it_is_kept(site: Managed, how: str) -> None:
    """Have it kept for three seconds; /livez and status answer meanwhile."""
    asking = threading.Thread(target=Site(site.program).ask, args=("GET", f"/{how}"))
    asking.start()
    try:
        eventually(lambda: site.status["age"] > 0.5)
        assert [site.get("/livez").status for _ in range(40)] == [200] * 40
        blocked = eventually(lambda: site.status["blocked"])
        assert site.get("/livez").status == 200
        assert blocked["entry"] == "app:report"
        assert re.fullmatch(r"report\.py:\d+", blocked["where"])
        assert blocked["seconds"] >= 1
    finally:
        asking.join()
    assert eventually(lambda: site.status["blocked"] is None)


def test_health_and_status_answer_and_name_the_line(tmp_path: Path) -> None:
    folder = write_application(tmp_path, MANIFEST, **{"report.py": HANDLER})
    with managed(folder) as site:
        ask_while_it_is_kept(site, "sleep")
        ask_while_it_is_kept(site, "spin")
        counted = 'runtime_loop_blocked_total{entry="app:report"} 2'
        assert eventually(lambda: counted in site.get("/metrics").body.decode())
        lines = [text for text in site.program.messages if "the event loop has been held" in text]

    assert len(lines) == 2  # once a block
    assert all("app:report at" in line and "report.py:" in line for line in lines)
