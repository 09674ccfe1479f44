"""The stop as a load balancer sees it: not ready at once, and served until it has noticed."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.blackbox import Site, eventually, execute
from tests.support.managing import managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - name: gateway
    kind: http.service
    addr: "127.0.0.1:0"
    drain_delay: 2s
    lifecycle: {auto_start: true, stop_timeout: STOP}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, method: GET, path: /, func: file://h.py#get}
"""
GET = {"h.py": "async def get():\n    return 'here'\n"}


def test_a_stop_is_told_before_clients_are_refused(tmp_path: Path) -> None:
    folder = write_application(tmp_path, MANIFEST.replace("STOP", "20s"), **GET)
    with managed(folder) as site:
        web = Site(site.program)
        assert site.get("/readyz").status == 200
        site.program.signal(signal.SIGTERM)
        refused = eventually(lambda: (answer := site.get("/readyz")).status == 503 and answer)
        alive, served = site.get("/livez").status, web.ask("GET", "/").status
        code = site.program.wait()

    assert refused.json["checks"][0] == {
        "name": "application",
        "ok": False,
        "why": "it is stopping",
    }
    assert (alive, served, code) == (200, 200, 0)


def test_without_a_delay_the_stop_waits_for_nothing(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("STOP", "1h").replace("    drain_delay: 2s\n", "")
    folder = write_application(tmp_path, manifest, **GET)
    with managed(folder) as site:
        assert site.program.stop() == 0


def test_a_delay_that_leaves_no_time_to_stop_is_a_finding(tmp_path: Path) -> None:
    folder = write_application(tmp_path, MANIFEST.replace("STOP", "2s"), **GET)
    ended = execute("validate", str(folder))

    assert ended.code == 3
    assert "'drain_delay' leaves nothing of the 2 s of 'stop_timeout'" in ended.out + ended.err
