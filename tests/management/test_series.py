"""The series of a large application: no more than its manifest has, whatever clients ask for."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.blackbox import Site, eventually
from tests.support.managing import managed, samples
from tests.support.program import write_application

ENDPOINTS = 100
MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
""" + "".join(
    f'  - {{name: e{number}, kind: http.endpoint, method: GET, path: "/e{number}/{{id}}", '
    "func: file://h.py#get}\n"
    for number in range(ENDPOINTS)
)
HANDLER = """
from runtime.modules import http

async def get():
    if http.request().path.endswith("0"):
        raise RuntimeError("on purpose")
"""


def test_a_hundred_endpoints_have_at_most_3000_series(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **{"h.py": HANDLER})
    with managed(folder) as site:
        web = Site(site.program)
        for number in range(ENDPOINTS):
            for id in (10, 11, 12):
                web.ask("GET", f"/e{number}/{id}")
            web.ask("GET", f"/scanned/{number}")
        name = "runtime_http_requests_total"
        wanted = "route=unmatched,server=app:gateway,status=404"
        assert eventually(lambda: samples(site).get((name, wanted)) == ENDPOINTS)
        found = samples(site)
        accept = "application/openmetrics-text; version=1.0.0"
        strict = site.get("/metrics", Accept=accept).body.decode()

    routes = {
        labels.partition("route=")[2].partition(",")[0] for kind, labels in found if kind == name
    }
    assert len(routes) == ENDPOINTS + 1
    assert 2 * ENDPOINTS < len(found) <= 3000
    assert len([*text_string_to_metric_families(strict)]) > 10
