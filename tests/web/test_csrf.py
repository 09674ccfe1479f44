from __future__ import annotations

from typing import Any

import pytest

from runtime.engines.web.exchange import Exchange
from runtime.kinds.http.router import build_chain
from tests.support.middleware import group_of
from tests.support.serving import route, run, served

OPTIONS = {"csrf.trusted.origins": "https://app.other.test", "csrf.exempt": "/hook"}


async def done(exchange: Exchange) -> str:
    return "done"


def status_of(method: str, path: str, *headers: str) -> int:
    async def main() -> Any:
        group = group_of(["csrf"], OPTIONS)
        routes = [
            route(each, path, done, group=group)
            for each in ("GET", "POST", "DELETE", "PUT", "TRACE")
            for path in ("/x", "/hook/{rest...}", "/{id}")
        ]
        async with served(routes, groups=[group]) as server:
            return (await server.get(path, "Host: shop.test", *headers, method=method)).status

    return run(main())  # type: ignore[no-any-return]


OWN, CROSS, SITE = (
    f"Sec-Fetch-Site: {each}" for each in ("same-origin", "cross-site", "same-site")
)
FOREIGN, TRUSTED = "Origin: https://evil.test", "Origin: https://app.other.test"


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("POST", [OWN], True),
        ("POST", ["Sec-Fetch-Site: none"], True),
        ("POST", [CROSS], False),
        ("POST", [SITE], False),
        ("DELETE", [CROSS], False),
        ("PUT", [CROSS], False),
        ("TRACE", [CROSS], False),
        ("GET", [CROSS, FOREIGN], True),
        ("HEAD", [CROSS, FOREIGN], True),
        ("OPTIONS", [CROSS, FOREIGN], True),
        ("POST", [], True),
        ("POST", ["Origin: https://shop.test"], True),
        ("POST", ["Origin: http://SHOP.test"], True),
        ("POST", [FOREIGN], False),
        ("POST", ["Origin: https://shop.test.evil.test"], False),
        ("POST", ["Origin: https://shop.test:8443"], False),
        ("POST", ["Origin: null"], False),
        ("POST", ["Origin: "], False),
        ("POST", [CROSS, "Origin: https://shop.test"], False),
        ("POST", [CROSS, TRUSTED], True),
        ("POST", [TRUSTED], True),
        ("POST", ["Origin: http://app.other.test"], False),
        ("POST", [FOREIGN, "Referer: https://shop.test/"], False),
        # what no browser sends, and a proxy may have joined
        ("POST", [OWN, CROSS], False),
        ("POST", ["Sec-Fetch-Site: same-origin, cross-site"], False),
        ("POST", [TRUSTED, FOREIGN], False),
        ("POST", ["Origin: https://shop.test", FOREIGN], False),
    ],
)
def test_what_a_page_of_another_origin_sends_is_refused(
    method: str, headers: list[str], passes: bool
) -> None:
    status = status_of(method, "/x", *headers)

    assert (status != 403) is passes


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hook/pay", 200),
        ("/hook", 200),
        ("/hooks", 403),
        ("/x", 403),
        ("/hook%2Fx", 403),
        ("/x?/hook", 403),
    ],
)
def test_a_path_may_be_exempt_as_it_is_sent(path: str, status: int) -> None:
    assert status_of("POST", path, CROSS) == status


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"csrf.trusted.origins": "app.test"}, "has 'app.test', which is no origin; write 'https:"),
        ({"csrf.trusted.origins": "https://a.test/"}, "has 'https://a.test/', which is no origin"),
        ({"csrf.exempt": "hook"}, "has 'hook', which is no path; write '/hook'"),
    ],
)
def test_wrong_options_are_found(options: dict[str, Any], found: str) -> None:
    (problem,) = build_chain(["csrf"], options).problems

    assert found in problem.message
