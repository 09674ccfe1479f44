"""Every address of management: held against other sites, and without secrets and scripts.

The list is the table of routes itself, so that a new one is held to it as well.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from runtime.engines.management.door import HEADERS
from runtime.engines.management.rights import PUBLIC
from runtime.engines.management.source import Source
from runtime.engines.management.table import PARTS, Desk, routes_of
from tests.support.watched import CANARY, SCRIPT, TOKEN, Watched

pytestmark = pytest.mark.slow

FILLED = {
    "/traces/{id}": "0" * 32,
    "/api/traces/{id}": "0" * 32,
    "/services/{id}": "app:work",
    "/entries/{id}": "app:token",
    "/api/entries/{id}": "app:token",
}
"""The ids of addresses that are not about the queue."""
STREAM = "/events"
STRANGE = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}


def addresses(method: str) -> list[str]:
    """All addresses of a method, with ids in them."""
    desk = Desk(cast(Source, None), None)
    found = [route for part in PARTS for route in routes_of(part, desk) if route.method == method]
    return [_filled(route.path) for route in found]


def _filled(path: str) -> str:
    given = {
        "{id}": FILLED.get(path, "app:tasks"),
        "{call}": "app:tasks:pause",
        "{name}": "queue.pause",
        "{message}": "none",
    }
    for name, value in given.items():
        path = path.replace(name, value)
    assert "{" not in path, path
    return path


READ, ACT = addresses("GET"), addresses("POST")


@pytest.fixture(scope="module")
def shop(shop: Watched) -> Watched:
    """Signed in to, with secrets and scripts in whatever it stores, on a paused queue too."""
    shop.sign_in()
    assert shop.send("/queues/app:tasks", "Pause").status == 303
    body = json.dumps({"body": {"note": CANARY}, "headers": {SCRIPT: CANARY}, "unique": SCRIPT})
    bearer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    published = shop.site.ask("POST", "/api/queues/app:tasks:publish", body, bearer)
    assert published.status == 200, published.body
    return shop


@pytest.mark.parametrize("path", READ)
def test_a_name_that_was_rebound_is_misdirected(shop: Watched, path: str) -> None:
    assert shop.site.get(path, Host=f"evil.example:{shop.site.port}").status == 421


@pytest.mark.parametrize("path", [each for each in READ if each != STREAM])
def test_what_is_read_has_no_secret_runs_nothing_and_cannot_be_framed(
    shop: Watched, path: str
) -> None:
    reply = shop.site.get(path)
    text = reply.body.decode("utf-8", "replace")

    assert reply.status in (200, 403, 404, 503), (path, reply.status, text)
    assert CANARY not in text
    if "html" in reply.headers["Content-Type"]:
        assert SCRIPT not in text
    policy = reply.headers["Content-Security-Policy"]
    assert policy == HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert path in PUBLIC or reply.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", ACT)
def test_nobody_acts_from_elsewhere_or_without_the_token(shop: Watched, path: str) -> None:
    def status(**headers: str) -> Any:
        sent = {"Content-Type": "application/json", **headers}
        return shop.site.ask("POST", path, "{}", sent).status

    bearer = f"Bearer {TOKEN}"
    assert status(Host="evil.example") == 421
    assert status(Authorization=bearer, **STRANGE) == 403
    assert status(Cookie=shop.cookie, **STRANGE) == 403
    assert status(Cookie=shop.cookie) == 403  # without an origin
    if path != "/login":
        assert status(Origin=shop.address) == 401
        assert status(Authorization="Bearer wrong", Origin=shop.address) == 401
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": shop.address}
        assert status(Cookie=shop.cookie, **form) == 403  # without the form's token
