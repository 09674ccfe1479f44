from __future__ import annotations

import itsdangerous
import pytest

from runtime.clock import REAL
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.middleware.session import Seal
from runtime.kinds.http.router import build_chain
from tests.support.clock import FakeClock
from tests.support.middleware import group_of
from tests.support.serving import Answer, Running, route, run, served

SECRET, OLD = "n" * 32, "o" * 32


async def change(exchange: Exchange) -> object:
    """Do with the session what the query says."""
    session, query = exchange.request.session, exchange.request.query_params
    for name, value in query.items():
        if name == "clear":
            session.clear()
        elif name == "deep":
            session.setdefault("list", []).append(value)
        elif name != "look":
            session[name] = value
    return dict(session)


async def plain(exchange: Exchange) -> str:
    return "no session"


class Browser:
    """Keeps one cookie, and tells what the server has set."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self.cookie = ""

    async def get(self, path: str, *headers: str) -> Answer:
        sent = [f"Cookie: a=b; {self.cookie}"] if self.cookie else []
        answer = await self._server.get(path, *sent, *headers)
        if given := answer.names.get("set-cookie"):
            self.cookie = given.partition(";")[0]
        return answer


def on_server(test: object, options: dict[str, object] | None = None, clock: object = None) -> None:
    async def main() -> None:
        given = {"session.secret": SECRET, **(options or {})}
        time = clock.clock if isinstance(clock, FakeClock) else REAL
        group = group_of(["session"], given, time)
        routes = [
            route("GET", "/s", change, group=group),
            route("GET", "/plain", plain, group=group),
        ]
        async with served(routes, groups=[group]) as server:
            await test(Browser(server))  # type: ignore[operator]

    run(main())


def test_a_session_is_kept_in_a_cookie_and_sent_only_when_it_changes() -> None:
    async def test(browser: Browser) -> None:
        first = await browser.get("/s?user=ada")
        attributes = first["set-cookie"].partition("; ")[2]
        assert attributes == "Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax"
        assert first["vary"] == "Cookie"
        again = await browser.get("/s?look")
        assert (again.json(), "set-cookie" in again.names) == ({"user": "ada"}, False)
        assert "set-cookie" not in (await browser.get("/s?user=ada")).names
        untouched = await browser.get("/plain")
        assert not {"set-cookie", "vary"} & {*untouched.names}
        assert "set-cookie" in (await browser.get("/s?deep=1")).names
        assert (await browser.get("/s?deep=2")).json() == {"user": "ada", "list": ["1", "2"]}
        cleared = await browser.get("/s?clear")
        assert cleared["set-cookie"].startswith("session=; Max-Age=0; Path=/")
        assert (await browser.get("/s?look")).json() == {}

    on_server(test)


def sealed(value: bytes, secret: str = SECRET, name: str = "session") -> str:
    return Seal([secret], name, 60, REAL).close(value)


VALUE = b'{"user":"root"}'
TAMPERED = sealed(b'{"user":"anna"}').replace(sealed(b'{"user":"anna"}')[8:12], "AAAA")


@pytest.mark.parametrize(
    "cookie",
    [
        sealed(VALUE, "x" * 32),
        sealed(VALUE, name="other"),
        TAMPERED,
        sealed(VALUE)[:-1],
        sealed(VALUE) + "A",
        itsdangerous.TimestampSigner(SECRET).sign(b"eyJ1c2VyIjoicm9vdCJ9").decode(),
        "eyJ1c2VyIjoicm9vdCJ9",
        "..",
        "\xff\xfe.a.b",
        "a" * 9000,
    ],
    ids=[  # whose values have the time in them
        "of another secret",
        "of another cookie",
        "tampered",
        "too short",
        "too long",
        "of another signer",
        "unsigned",
        "empty",
        "no text",
        "long",
    ],
)
def test_a_cookie_that_was_not_signed_here_is_no_session(cookie: str) -> None:
    async def test(browser: Browser) -> None:
        browser.cookie = f"session={cookie}"
        answer = await browser.get("/s?look")
        assert answer.json() == {}
        assert answer["set-cookie"].startswith("session=; Max-Age=0")

    on_server(test)


def test_a_secret_is_changed_without_ending_the_sessions() -> None:
    async def test(browser: Browser) -> None:
        browser.cookie = f"session={sealed(VALUE, OLD)}"
        assert (await browser.get("/s?look")).json() == {"user": "root"}
        await browser.get("/s?a=1")
        value = browser.cookie.partition("=")[2]
        assert Seal([SECRET], "session", 60, REAL).open(value) == b'{"user":"root","a":"1"}'

    on_server(test, {"session.secret": [SECRET, OLD]})


def test_a_session_ends_by_the_clock_of_the_application() -> None:
    time = FakeClock()

    async def test(browser: Browser) -> None:
        await browser.get("/s?a=1")
        await time.advance(60)
        assert (await browser.get("/s?look")).json() == {"a": "1"}
        await time.advance(1)
        assert (await browser.get("/s?look")).json() == {}

    on_server(test, {"session.max_age": "60s"}, time)


def test_a_session_that_is_no_cookie_any_more_is_an_error_that_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(browser: Browser) -> None:
        assert (await browser.get(f"/s?a={'x' * 2900}")).status == 200
        assert (await browser.get(f"/s?a={'x' * 3100}")).status == 500

    on_server(test)
    assert "more than the 4096 that browsers keep; keep an id in it" in caplog.text


def test_its_attributes_are_those_of_the_options() -> None:
    async def test(browser: Browser) -> None:
        given = (await browser.get("/s?a=1"))["set-cookie"]
        assert given.startswith("__Host-s=")
        assert given.endswith("; Max-Age=3600; Path=/; HttpOnly; SameSite=Strict; Secure")

    options = {"cookie": "__Host-s", "max_age": "1h", "same_site": "strict", "https_only": True}
    on_server(test, {f"session.{name}": value for name, value in options.items()})


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "missing field 'session.secret'"),
        ({"secret": "short"}, "option 'session.secret' has less than 32 bytes; make it by"),
        ({"secret": [SECRET, "short"]}, "option 'session.secret' has less than 32 bytes"),
        ({"secret": SECRET, "same_site": "none"}, "is none, which browsers take over HTTPS only"),
        ({"secret": SECRET, "cookie": "__Host-s"}, "'__Host-s', which browsers take over HTTPS"),
        (
            {"secret": SECRET, "cookie": "__Host-s", "https_only": True, "path": "/a"},
            "is '__Host-s', which has the path '/' and no domain",
        ),
        ({"secret": SECRET, "cookie": "a b"}, "is 'a b', not a name of letters, digits"),
        ({"secret": SECRET, "path": "/; Domain=x"}, "not a path"),
        ({"secret": SECRET, "max_age": 60}, "is 60, not a duration"),
    ],
)
def test_wrong_options_are_found(options: dict[str, object], found: str) -> None:
    given = {f"session.{name}": value for name, value in options.items()}

    (problem,) = build_chain(["session"], given).problems

    assert found in problem.message
