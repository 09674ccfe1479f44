from __future__ import annotations

import gzip
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runtime.clock import REAL, Clock
from runtime.engines.web import middleware
from runtime.engines.web.address import Address
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.middleware.ratelimit import Buckets
from runtime.engines.web.routes import Group, Routes
from runtime.engines.web.server import Server
from runtime.kinds.http.router import build_chain
from runtime.schema.schema import FOLDER, Schema, load
from tests.support.clock import FakeClock
from tests.support.serving import PATIENT, Answer, route, run, running, served


async def hello(exchange: Exchange) -> Any:
    return {"client": exchange.request.client.host if exchange.request.client else None}


async def long(exchange: Exchange) -> str:
    return "a" * 5000


def group_of(names: list[str], options: dict[str, Any], clock: Clock = REAL) -> Group:
    chain = build_chain(names, options, clock)
    assert chain.problems == []
    return Group(middleware=tuple(chain.middleware))


def answers(names: list[str], options: dict[str, Any], *requests: tuple[str, ...]) -> list[Answer]:
    """What clients get behind some middleware; a request is method, path and headers."""

    async def main() -> list[Answer]:
        group = group_of(names, options)
        routes = [route("GET", "/x", hello, group=group), route("GET", "/long", long, group=group)]
        async with served(routes, groups=[group]) as server:
            return [
                await server.get(path, *headers, method=method)
                for method, path, *headers in requests
            ]

    return run(main())  # type: ignore[no-any-return]


BUILT_IN = sorted(name for name in middleware.names() if middleware.is_built_in(name))
built_in = pytest.mark.parametrize("name", BUILT_IN)
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
    buckets = Buckets(interval=1.0, burst=3, max_keys=10, sweep_interval=1000.0)

    taken = [buckets.take("a", now) for now in (10.0, 10.0, 10.0, 10.0, 10.5, 11.0, 20.0)]

    assert taken == [(2, 0), (1, 0), (0, 0), (-1, 1.0), (-1, 0.5), (0, 0), (2, 0)]


def test_buckets_are_forgotten_when_full_and_never_more_than_allowed() -> None:
    buckets = Buckets(interval=1.0, burst=3, max_keys=10, sweep_interval=5.0)

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
    ("names", "options", "found"),
    [
        (["crs"], {"cors.max.age": 1}, "'middleware[0]' is 'crs', not one of compress, cors,"),
        (["cors"], {"cors.allow.origin": "*"}, "unknown field 'cors.allow.origin'"),
        (["cors"], {"ratelimit.burst": 1}, "no middleware here has the option 'ratelimit.burst'"),
        (["cors"], {"cors.max.age": "soon"}, "'cors.max.age' is 'soon', not a number from 0 on"),
        (["cors"], {"max_age": "soon"}, "option 'max_age' is 'soon', not a number from 0 on"),
        (["cors"], {"cors.max.age": None}, "'cors.max.age' is empty, not a number from 0 on"),
        (["cors"], {"cors.allow.credentials": "yes"}, "is 'yes', not true or false"),
        (["cors"], {"cors.allow.credentials": True}, "name the origins"),
        (["cors"], {"cors.allow.origins": 1}, "is 1, not a list of names"),
        (["compress"], {"compress.level": "max"}, "is 'max', not one of"),
        (["ratelimit"], {"ratelimit.requests": 0}, "is 0, less than 1"),
        (["ratelimit"], {"ratelimit.requests": True}, "is true, not a number from 1 on"),
        (["ratelimit"], {"ratelimit.window": "soon"}, "is 'soon', not a duration"),
        (["ratelimit"], {"ratelimit.window": "0s"}, "is '0s', not a duration above zero"),
        (["ratelimit"], {"ratelimit.window": 60}, "is 60, not a duration"),
        (["ratelimit"], {"ratelimit.key": "cookie:x"}, "is 'cookie:x', not 'ip'"),
        (["ratelimit"], {"ratelimit.key": "header: "}, "is 'header:', not 'ip'"),
        (["real_ip"], {"real_ip.trusted.subnets": "10.0.0.0/99"}, "write '10.0.0.0/8'"),
        (["real_ip"], {"real_ip.trusted.subnets": ""}, "is empty; name the networks"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(
    names: list[str], options: dict[str, Any], found: str
) -> None:
    (problem,) = build_chain(names, options).problems

    assert found in problem.message
    assert problem.path in [("middleware", 0), *(("options", name) for name in options)]


def test_a_rate_limit_goes_by_the_clock_of_the_application() -> None:
    time = FakeClock()
    options = {"ratelimit.requests": 1, "ratelimit.window": "1h", "ratelimit.burst": 1}

    async def main() -> list[int]:
        group = group_of(["ratelimit"], options, time.clock)
        async with served([route("GET", "/x", hello, group=group)], groups=[group]) as server:
            statuses = [(await server.get("/x")).status for _ in range(2)]
            await time.advance(3599)
            statuses.append((await server.get("/x")).status)
            await time.advance(1)
            return [*statuses, (await server.get("/x")).status]

    assert run(main()) == [200, 429, 429, 200]


def test_a_rate_limit_outlives_a_change_of_the_routes() -> None:
    group = group_of(["ratelimit"], {"ratelimit.burst": 1})
    routes = Routes([route("GET", "/x", hello, group=group)], [group])

    async def main() -> list[int]:
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(routes)
        server = Server(dispatcher, Address("127.0.0.1", 0), timeouts=PATIENT)
        async with running(server) as serving:
            first = (await serving.get("/x")).status
            dispatcher.serve(routes)
            return [first, (await serving.get("/x")).status]

    assert run(main()) == [200, 429]


def test_every_middleware_has_its_schema_and_every_schema_its_middleware() -> None:
    schemas = [path.name.removesuffix(".schema.json") for path in (FOLDER / "middleware").iterdir()]

    assert sorted(schemas) == BUILT_IN
    assert {"compress", "cors", "ratelimit", "real_ip"} <= {*schemas}


@built_in
def test_a_schema_of_options_is_valid_closed_and_described(name: str) -> None:
    document = Schema(load(FOLDER / "middleware" / f"{name}.schema.json")).document

    Draft202012Validator.check_schema(document)
    assert (document["title"], document["additionalProperties"]) == (name, False)
    assert document["description"]
    for option, schema in document["properties"].items():
        assert option.startswith(f"{name}.")
        assert schema["description"], option
        assert "default" in schema, option


@built_in
def test_a_middleware_is_built_from_the_defaults_of_its_schema(name: str) -> None:
    assert len(group_of([name], {}).middleware) == 1
