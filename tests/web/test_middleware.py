from __future__ import annotations

import gzip
from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.middleware import build
from runtime.engines.web.middleware.options import OptionError
from runtime.engines.web.middleware.ratelimit import Buckets
from runtime.engines.web.routes import Group
from tests.support.serving import Answer, route, run, served


async def hello(exchange: Exchange) -> Any:
    return {"client": exchange.request.client.host if exchange.request.client else None}


async def long(exchange: Exchange) -> str:
    return "a" * 5000


def answers(names: list[str], options: dict[str, Any], *requests: tuple[str, ...]) -> list[Answer]:
    """What clients get behind some middleware; a request is method, path and headers."""

    async def main() -> list[Answer]:
        group = Group(middleware=build(names, options))
        routes = [route("GET", "/x", hello, group=group), route("GET", "/long", long, group=group)]
        async with served(routes, groups=[group]) as server:
            return [
                await server.get(path, *headers, method=method)
                for method, path, *headers in requests
            ]

    return run(main())  # type: ignore[no-any-return]


PREFLIGHT = ("Origin: https://app.test", "Access-Control-Request-Method: POST")


def test_cors_answers_a_preflight_also_where_nothing_is() -> None:
    got = answers(["cors"], {}, ("OPTIONS", "/x", *PREFLIGHT), ("OPTIONS", "/nowhere", *PREFLIGHT))

    assert [(answer.status, answer["access-control-allow-origin"]) for answer in got] == [
        (200, "*"),
        (200, "*"),
    ]
    assert "POST" in got[0]["access-control-allow-methods"]
    assert got[0]["access-control-max-age"] == "86400"
    assert "x-request-id" in got[0].names


def test_cors_headers_are_on_errors_too() -> None:
    got = answers(["cors"], {}, ("GET", "/nowhere", "Origin: https://app.test"))

    assert (got[0].status, got[0]["access-control-allow-origin"]) == (404, "*")


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ("https://a.test, https://b.test", "https://b.test", True),
        ("https://a.test", "https://b.test", False),
        ("*.a.test", "https://x.y.a.test", True),
        ("*.a.test", "https://a.test.evil", False),
        ("*.a.test", "https://evila.test", False),
        ("https://*.a.test", "http://x.a.test", False),
        ("localhost", "http://localhost:5173", True),
        ("localhost", "http://localhost.evil", False),
        (["https://a.test"], "https://a.test", True),
    ],
)
def test_cors_knows_origins_by_name_and_by_pattern(
    origins: Any, origin: str, allowed: bool
) -> None:
    options = {"cors.allow.origins": origins, "cors.allow.credentials": "true"}

    got = answers(["cors"], options, ("GET", "/x", f"Origin: {origin}"))

    assert allowed == (got[0].names.get("access-control-allow-origin") == origin)


def test_compress_answers_in_gzip_only_what_is_large_and_asked_for() -> None:
    gz = "Accept-Encoding: gzip"
    got = answers(["compress"], {}, ("GET", "/long", gz), ("GET", "/x", gz), ("GET", "/long"))

    assert [answer.names.get("content-encoding") for answer in got] == ["gzip", None, None]
    assert gzip.decompress(got[0].body) == b"a" * 5000


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([], "127.0.0.1"),
        (["X-Forwarded-For: 8.8.8.8"], "8.8.8.8"),
        (["X-Forwarded-For: 1.1.1.1, 8.8.8.8, 10.0.0.1"], "8.8.8.8"),
        (["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 8.8.8.8"], "8.8.8.8"),
        (["X-Forwarded-For: 8.8.8.8, unknown"], "127.0.0.1"),
        (["X-Forwarded-For: 10.0.0.7"], "10.0.0.7"),
        (["X-Forwarded-For: 8.8.8.8", "X-Real-IP: 1.1.1.1"], "8.8.8.8"),
        (["X-Real-IP: 8.8.8.8"], "8.8.8.8"),
        (["True-Client-IP: [2001:db8::1]:443"], "2001:db8::1"),
        (["X-Real-IP: nonsense"], "127.0.0.1"),
    ],
)
def test_real_ip_is_the_last_address_that_no_trusted_proxy_has(
    headers: list[str], client: str
) -> None:
    got = answers(["real_ip"], {}, ("GET", "/x", *headers))

    assert client == got[0].json()["client"]


def test_real_ip_believes_nobody_who_is_not_trusted() -> None:
    options = {"real_ip.trusted.subnets": "10.0.0.0/8"}

    got = answers(["real_ip"], options, ("GET", "/x", "X-Forwarded-For: 8.8.8.8"))

    assert got[0].json()["client"] == "127.0.0.1"


def test_ratelimit_refuses_what_comes_after_the_burst() -> None:
    options = {"ratelimit.requests": 1, "ratelimit.window": "1h", "ratelimit.burst": 2}

    got = answers(["ratelimit"], options, *[("GET", "/x")] * 3)

    assert [answer.status for answer in got] == [200, 200, 429]
    assert got[2]["content-type"] == "application/problem+json"
    assert 0 < int(got[2]["retry-after"]) <= 3600
    assert "x-request-id" in got[2].names


def test_ratelimit_counts_by_the_key_it_was_given() -> None:
    options = {"ratelimit.burst": "1", "ratelimit.key": "header:X-API-Key"}

    got = answers(
        ["ratelimit"],
        options,
        ("GET", "/x", "X-API-Key: a"),
        ("GET", "/x", "X-API-Key: b"),
        ("GET", "/x", "X-API-Key: a"),
        ("GET", "/x"),
    )

    assert [answer.status for answer in got] == [200, 200, 429, 400]


def test_ratelimit_behind_real_ip_counts_by_the_client() -> None:
    options = {"ratelimit.burst": 1}
    first, second = "X-Forwarded-For: 8.8.8.8", "X-Forwarded-For: 8.8.4.4"

    got = answers(
        ["real_ip", "ratelimit"], options, *[("GET", "/x", each) for each in (first, second, first)]
    )

    assert [answer.status for answer in got] == [200, 200, 429]


def test_a_bucket_fills_again_and_tells_what_is_left() -> None:
    buckets = Buckets(interval=1.0, burst=3, most=10, sweep=1000.0)

    taken = [buckets.take("a", now) for now in (10.0, 10.0, 10.0, 10.0, 10.5, 11.0, 20.0)]

    assert taken == [(2, 0), (1, 0), (0, 0), (-1, 1.0), (-1, 0.5), (0, 0), (2, 0)]


def test_buckets_are_forgotten_when_full_and_never_more_than_allowed() -> None:
    buckets = Buckets(interval=1.0, burst=3, most=10, sweep=5.0)

    for number in range(100):
        buckets.take(str(number), 10.0)
    most = len(buckets)
    buckets.take("late", 100.0)

    assert (most, len(buckets)) == (10, 1)


def test_options_have_their_older_names_too() -> None:
    options = {"allow_origins": "https://a.test", "cors_max_age": "5", "trusted_subnets": "::1/128"}

    got = answers(["cors", "real_ip"], options, ("OPTIONS", "/x", *PREFLIGHT))

    assert got[0]["access-control-max-age"] == "5"


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["crs"], {}, "unknown middleware 'crs'; did you mean 'cors'?"),
        (["cors"], {"cors.allow.origin": "*"}, "did you mean 'cors.allow.origins'?"),
        (["cors"], {"ratelimit.burst": 1}, "no middleware here has the option 'ratelimit.burst'"),
        (["cors"], {"cors.max.age": "soon"}, "'cors.max.age' is 'soon', not a number from 0 on"),
        (["cors"], {"cors.allow.credentials": "yes"}, "is 'yes', not true or false"),
        (["cors"], {"cors.allow.credentials": True}, "name the origins"),
        (["cors"], {"cors.allow.origins": 1}, "is 1, not a list of names"),
        (["compress"], {"compress.level": "max"}, "is 'max', not one of"),
        (["ratelimit"], {"ratelimit.requests": 0}, "is 0, not a number from 1 on"),
        (["ratelimit"], {"ratelimit.requests": True}, "is True, not a number"),
        (["ratelimit"], {"ratelimit.window": "soon"}, "is not a duration; write"),
        (["ratelimit"], {"ratelimit.window": 60}, "is 60, not a duration such as"),
        (["ratelimit"], {"ratelimit.key": "cookie:x"}, "is 'cookie:x', not 'ip'"),
        (["real_ip"], {"real_ip.trusted.subnets": "10.0.0.0/99"}, "write '10.0.0.0/8'"),
        (["real_ip"], {"real_ip.trusted.subnets": ""}, "is empty; name the networks"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(
    names: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        build(names, options)

    assert message in str(caught.value)
    assert caught.value.option is None or caught.value.option in options
