from __future__ import annotations

import gc
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runtime.engines.web import middleware
from runtime.kinds.http.router import build_chain
from runtime.schema.schema import FOLDER, Schema, load
from tests.support.middleware import answers, group_of, hello
from tests.support.remains import without_collector
from tests.support.serving import route, run, served

BUILT_IN = sorted(name for name in middleware.names() if middleware.is_built_in(name))
built_in = pytest.mark.parametrize("name", BUILT_IN)
REQUIRED = {"session": {"session.secret": "s" * 32}}
"""The options without a default."""
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


def test_a_preflight_that_is_refused_is_a_problem_document() -> None:
    options = {"cors.allow.origins": "https://a.test"}

    answer = answers(["cors"], options, ("OPTIONS", "/x", *PREFLIGHT))[0]

    assert (answer.status, answer["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == "Disallowed CORS origin"
    assert "x-request-id" in answer.names


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
        assert "default" in schema or option in document.get("required", ()), option


@built_in
def test_a_middleware_is_built_from_the_defaults_of_its_schema(name: str) -> None:
    assert len(group_of([name], REQUIRED.get(name, {})).middleware) == 1


@built_in
def test_a_request_through_middleware_leaves_nothing_to_the_collector(name: str) -> None:
    async def main() -> int:
        group = group_of([name], REQUIRED.get(name, {}))
        async with served([route("GET", "/x", hello, group=group)], groups=[group]) as server:
            client = await server.connect()
            await client.get("/x")
            with without_collector():
                for path in ("/x", "/nowhere") * 5:
                    await client.get(path, "Origin: https://a.test", "Accept-Encoding: gzip")
                left = gc.collect()
            await client.close()
            return left

    assert run(main()) == 0
