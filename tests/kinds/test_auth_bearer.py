from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from runtime.engines.web.auth import bearer
from runtime.findings.finding import ManifestError
from tests.support.hosting import GATEWAY, Hosted, hosted, linked
from tests.support.serving import run

CI, OPS = "c" * 32, "o-._~+/" * 8 + "=="
HASH = hashlib.sha256(CI.encode()).hexdigest()
MANIFEST = (
    GATEWAY
    + f"""
  - {{name: router, kind: http.router, meta: {{server: gateway}}, guards: [token]}}
  - name: token
    kind: auth.bearer
    realm: shop
    tokens:
      ci: sha256:{HASH}
      ops: ${{secret:OPS_TOKEN}}
  - {{name: e, kind: http.endpoint, meta: {{router: router}}, method: GET, path: /, func: "file://h.py"}}
"""
)
FILES = {"h.py": "async def main(request):\n    return {'user': request.state.user}\n"}
ENVIRONMENT = {"OPS_TOKEN": OPS}


def on_site(folder: Path, test: Callable[[Hosted], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        async with hosted(folder, MANIFEST, FILES, ENVIRONMENT) as site:
            return await test(site)

    return run(main())


@pytest.mark.parametrize(
    ("header", "user"),
    [
        (f"Bearer {CI}", "ci"),
        (f"bearer {CI}", "ci"),
        (f"BEARER   {CI} ", "ci"),
        (f"Bearer {OPS}", "ops"),
    ],
)
def test_a_token_lets_its_owner_in(header: str, user: str, tmp_path: Path) -> None:
    async def test(site: Hosted) -> Any:
        return (await site.get("/", f"Authorization: {header}")).json()

    assert on_site(tmp_path, test) == {"user": user}


UNKNOWN = 'Bearer realm="shop", error="invalid_token", error_description="the token is unknown"'
MALFORMED = 'Bearer realm="shop", error="invalid_token", error_description="the token is malformed"'
TWICE = (
    'Bearer realm="shop", error="invalid_request", '
    'error_description="there is more than one Authorization header"'
)


@pytest.mark.parametrize(
    ("headers", "status", "challenge"),
    [
        ([], 401, 'Bearer realm="shop"'),
        (["Basic YTpi"], 401, 'Bearer realm="shop"'),
        ([f"Bearer{CI}"], 401, 'Bearer realm="shop"'),
        ([f"Bearer {CI}x"], 401, UNKNOWN),
        ([f"Bearer {CI[:-1]}"], 401, UNKNOWN),
        ([f"Bearer {HASH}"], 401, UNKNOWN),
        (["Bearer"], 401, MALFORMED),
        (["Bearer "], 401, MALFORMED),
        ([f"Bearer {CI}, Bearer {OPS}"], 401, MALFORMED),
        ([f"Bearer {CI} {OPS}"], 401, MALFORMED),
        ([f"Bearer\t{CI}"], 401, 'Bearer realm="shop"'),
        ([f"Bearer {'a' * 20_000}"], 401, MALFORMED),
        ([f"Bearer {CI}\u00e9"], 401, MALFORMED),
        ([f"Bearer {CI}", f"Bearer {CI}"], 400, TWICE),
        ([f"Bearer {CI}", "Bearer x"], 400, TWICE),
        (["Basic YTpi", f"Bearer {CI}"], 400, TWICE),
    ],
)
def test_anybody_else_is_told_what_is_needed(
    headers: list[str], status: int, challenge: str, tmp_path: Path
) -> None:
    async def test(site: Hosted) -> None:
        answer = await site.get("/", *(f"Authorization: {header}" for header in headers))
        assert (answer.status, answer["www-authenticate"]) == (status, challenge)
        assert answer["content-type"] == "application/problem+json"
        assert CI[:8] not in answer.body.decode()

    on_site(tmp_path, test)


def test_a_token_elsewhere_in_the_request_is_none(tmp_path: Path) -> None:
    async def test(site: Hosted) -> list[int]:
        asked = [
            await site.get(f"/?access_token={CI}"),
            await site.get("/", f"X-Authorization: Bearer {CI}"),
            await site.get("/", f"Authorization_: Bearer {CI}"),
            await site.get("/", f"X: 1\nAuthorization: Bearer {CI}"),
        ]
        return [answer.status for answer in asked]

    assert on_site(tmp_path, test) == [401, 401, 401, 400]


def test_every_digest_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append(expected)
        return given == expected

    monkeypatch.setattr(bearer, "compare_digest", compare)
    digests = {name: bearer.hash_token(name) for name in ("first", "second", "third")}
    tokens = bearer.BearerTokens(digests)

    for token, owner in [("first", "first"), ("third", "third"), ("other", None)]:
        compared.clear()
        assert tokens.owner(token) == owner
        assert compared == [*digests.values()]


@pytest.mark.parametrize(
    ("token", "found"),
    [
        (CI, "the token of 'ci' stands here for everybody who reads the manifest; write its hash"),
        ("sha256:abc", "the hash of the token of 'ci' is not 64 digits of 0-9 and a-f"),
        ("${secret:SHORT}", "the token of 'ci' has less than 16 characters: it can be guessed"),
        ("${secret:SPACED}", "no client can send the token of 'ci': it has other characters than"),
        ("${secret:OPS_TOKEN}", "the token of 'ops' is that of 'ci'; give it its own"),
    ],
)
def test_a_token_that_is_none_is_a_finding(token: str, found: str, tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "SHORT": "hunter2", "SPACED": "correct horse battery"}

    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, MANIFEST.replace(f"sha256:{HASH}", token), FILES, environment)

    assert found in str(caught.value)
    assert CI not in str(caught.value)
    assert OPS not in str(caught.value)


def test_a_plain_token_from_the_command_line_or_a_file_is_none_of_the_manifest(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text(f"{CI}\n")

    linked(tmp_path, MANIFEST.replace(f"sha256:{HASH}", "${file:./token}"), FILES, ENVIRONMENT)
