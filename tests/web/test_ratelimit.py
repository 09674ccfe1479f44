from __future__ import annotations

import tracemalloc

import pytest

from runtime.engines.web.address import Address
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.middleware.ratelimit import Buckets
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from tests.support.clock import FakeClock
from tests.support.middleware import answers, group_of, hello
from tests.support.serving import PATIENT, route, run, running, served


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


@pytest.mark.parametrize(
    ("key", "requests", "statuses"),
    [
        ("query:token", ["/x?token=a", "/x?token=b", "/x?token=a"], [200, 200, 429]),
        ("query:token", ["/x?a=1&token=%C3%A9", "/x?token=%c3%a9"], [200, 429]),
        ("query:token", ["/x?token=", "/x?tokens=1"], [400, 400]),
        ("query: token", ["/x?token=a", "/x?token=a"], [200, 429]),
    ],
)
def test_ratelimit_counts_by_a_parameter_of_the_query(
    key: str, requests: list[str], statuses: list[int]
) -> None:
    options = {"ratelimit.burst": 1, "ratelimit.key": key}

    got = answers(["ratelimit"], options, *[("GET", path) for path in requests])

    assert [answer.status for answer in got] == statuses


@pytest.mark.parametrize("key", ["header:X-Key", "query:key"])
def test_ratelimit_keeps_a_key_of_a_few_bytes_whatever_clients_send(key: str) -> None:
    async def main() -> int:
        group = group_of(["ratelimit"], {"ratelimit.key": key})
        async with served([route("GET", "/x", hello, group=group)], groups=[group]) as server:
            client = await server.connect()
            tracemalloc.start()
            try:
                for number in range(100):
                    value = f"{number}" + "k" * 50_000
                    request = (
                        (f"/x?key={value}",) if key == "query:key" else ("/x", f"X-Key: {value}")
                    )
                    assert (await client.get(*request)).status == 200
                return tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
                await client.close()

    assert run(main()) < 1_000_000
