"""Who may ask, read and act, over the address of a running program."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.managing import Managed, managed
from tests.support.program import write_application

MANIFEST = """
namespace: app
entries:
  - {name: host, kind: process.host}
  - {name: main, kind: process.python, source: file://h.py, method: main, modules: [process]}
  - {name: loop, kind: process.service, process: main, host: host, lifecycle: {auto_start: true}}
"""
LOOP = "from runtime.modules import process\n\nasync def main():\n    await process.stopping()\n"
TOKEN = "correct-horse-battery"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = "/api/nothing"
"""Served by no route: 404 says that the request was let in."""


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_application(tmp_path_factory.mktemp("shop"), MANIFEST, **{"h.py": LOOP})


@pytest.fixture(scope="module")
def plain(application: Path) -> Iterator[Managed]:
    """On the loopback address, without a token."""
    with managed(application, "--management-host", "shop.internal") as site:
        yield site


@pytest.fixture(scope="module")
def guarded(application: Path) -> Iterator[Managed]:
    """On the loopback address, with a token."""
    with managed(application, env={"RUNTIME_TOKEN": TOKEN}) as site:
        yield site


@pytest.fixture(scope="module")
def exposed(application: Path) -> Iterator[Managed]:
    """On all addresses, without a token."""
    with managed(application, address="0.0.0.0:0") as site:
        yield site


@pytest.fixture(scope="module")
def exposed_with_token(application: Path) -> Iterator[Managed]:
    with managed(application, address="0.0.0.0:0", env={"RUNTIME_TOKEN": TOKEN}) as site:
        yield site


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9464", "127.0.0.1", "127.8.8.8:1", "[::1]:9464", "shop.internal"],
)
def test_a_name_of_this_machine_is_answered(plain: Managed, host: str) -> None:
    assert plain.get("/api/status", Host=host).status == 200


@pytest.mark.parametrize("path", ["/api/status", "/livez", "/metrics", NOBODY])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_any_other_name_is_misdirected(plain: Managed, host: str, path: str) -> None:
    answer = plain.get(path, Host=host)

    assert answer.status == 421
    assert "--management-host" in answer.json["detail"]


def test_nobody_acts_by_the_address_without_a_token(plain: Managed) -> None:
    own = {"Origin": f"http://127.0.0.1:{plain.port}", **JSON}
    answer = plain.ask("POST", NOBODY, "{}", own)

    assert answer.status == 403
    assert "RUNTIME_TOKEN" in answer.json["detail"]


def test_the_bearer_of_the_token_acts(guarded: Managed) -> None:
    assert _post(guarded, {"Authorization": f"Bearer {TOKEN}"}) == 404


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}", "Bearer \xe4"])
def test_a_wrong_bearer_does_not(guarded: Managed, given: str) -> None:
    assert _post(guarded, {"Authorization": given}) == 401


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_may_not_act_even_with_the_cookie(
    guarded: Managed, foreign: dict[str, str]
) -> None:
    cookie = {"Cookie": _log_in(guarded)}

    assert _post(guarded, {**_own(guarded), **cookie}) == 404
    assert _post(guarded, {**_own(guarded), **cookie, **foreign}) == 403


def test_a_cookie_without_an_origin_does_not_act(guarded: Managed) -> None:
    assert _post(guarded, {"Cookie": _log_in(guarded)}) == 403


def test_a_cookie_acts_by_json_and_forms_only(guarded: Managed) -> None:
    headers = {**_own(guarded), "Cookie": _log_in(guarded), "Content-Type": "text/plain"}

    assert guarded.ask("POST", NOBODY, "{}", headers).status == 415


@pytest.mark.parametrize("change", ["1", "."])
def test_a_cookie_that_was_changed_is_none(guarded: Managed, change: str) -> None:
    name, _, value = _log_in(guarded).partition("=")

    assert _post(guarded, {**_own(guarded), "Cookie": f"{name}={change}{value}"}) == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(guarded: Managed) -> None:
    answer = guarded.ask("POST", "/login", f"token={TOKEN}", {**FORM, **_own(guarded)})
    cookie = answer.headers["Set-Cookie"]

    assert answer.status == 303
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("http://127.0.0.1:{port}/dead?cause=a&id=b", "/dead?cause=a&id=b"),
        ("http://127.0.0.1:{port}/login", "/"),
        ("http://evil.example/dead", "/"),
        ("http://127.0.0.1:{port}//evil.example/", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_back_to_the_page_it_came_from(
    guarded: Managed, came_from: str, back: str
) -> None:
    page = guarded.get("/login", Referer=came_from.format(port=guarded.port)).body.decode()
    field = re.search('name="back" value="([^"]*)"', page)
    assert field is not None
    body = urlencode({"token": TOKEN, "back": html.unescape(field[1])})

    answer = guarded.ask("POST", "/login", body, {**FORM, **_own(guarded)})

    assert (answer.status, answer.headers["Location"]) == (303, back)


def test_a_login_leads_to_no_other_site(guarded: Managed) -> None:
    body = urlencode({"token": TOKEN, "back": "//evil.example"})

    answer = guarded.ask("POST", "/login", body, {**FORM, **_own(guarded)})

    assert answer.headers["Location"] == "/"


def test_a_wrong_token_gets_no_cookie(guarded: Managed) -> None:
    answer = guarded.ask("POST", "/login", "token=guess", {**FORM, **_own(guarded)})

    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


def test_beyond_this_machine_only_health_and_metrics_are_served(exposed: Managed) -> None:
    open_paths = ["/livez", "/healthz", "/readyz", "/metrics"]
    closed = ["/", "/api/status", "/api/errors", "/events", "/login", NOBODY]

    assert [exposed.get(path).status for path in open_paths] == [200] * 4
    assert [exposed.get(path).status for path in closed] == [403] * 6
    assert exposed.ask("POST", "/livez", "", _own(exposed)).status == 403
    assert "RUNTIME_TOKEN" in exposed.get("/api/status").json["detail"]


def test_beyond_this_machine_the_token_is_needed_to_read_too(
    exposed_with_token: Managed,
) -> None:
    site = exposed_with_token

    assert site.get("/api/status").status == 401
    assert site.get("/livez").status == 200
    assert site.get("/api/status", Authorization=f"Bearer {TOKEN}").status == 200
    assert site.get("/api/status", Cookie=_log_in(site)).status == 200
    page = site.get("/api/status", Accept="text/html")
    assert (page.status, page.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/livez", "/api/status", NOBODY, "/login"])
def test_every_answer_has_the_headers_that_keep_browsers_out(plain: Managed, path: str) -> None:
    headers = plain.get(path).headers

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] in ("no-store", "no-cache")


def test_the_token_is_in_no_answer_and_no_log_line(guarded: Managed) -> None:
    _log_in(guarded)
    _post(guarded, {"Authorization": f"Bearer {TOKEN}"})

    assert TOKEN not in guarded.get("/api/status").body.decode()
    assert TOKEN not in guarded.program.stderr


def _own(site: Managed) -> dict[str, str]:
    return {"Origin": f"http://127.0.0.1:{site.port}"}


def _post(site: Managed, headers: dict[str, str]) -> int:
    return site.ask("POST", NOBODY, "{}", {**JSON, **headers}).status


def _log_in(site: Managed) -> str:
    answer = site.ask("POST", "/login", f"token={TOKEN}", {**FORM, **_own(site)})
    return answer.headers["Set-Cookie"].partition(";")[0]
