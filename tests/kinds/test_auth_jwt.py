from __future__ import annotations

import base64
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from runtime.findings.finding import ManifestError
from tests.support.clock import FakeClock
from tests.support.hosting import GATEWAY, Hosted, hosted, linked
from tests.support.serving import run

SECRET, OLD = "s" * 32, "o" * 32
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())
PEM = serialization.Encoding.PEM
PUBLIC = RSA.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
PRIVATE = RSA.private_bytes(
    PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
NOW = 1_700_000_000
FIELDS = "algorithms: [HS256], secret: ['${secret:NEW}', '${secret:OLD}'], issuer: [me], leeway: 5s"
BASE = (
    GATEWAY
    + """
  - {name: router, kind: http.router, meta: {server: gateway}, guards: [token]}
  - {name: e, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: "file://h.py"}
  - {name: token, kind: auth.jwt, FIELDS}
"""
)
FILES = {
    "h.py": """
        async def main(request):
            return [request.state.user, request.state.claims]
    """
}
ENVIRONMENT = {"NEW": SECRET, "OLD": OLD, "PUBLIC": PUBLIC.decode()}
CLAIMS = {"sub": "ada", "iss": "me", "exp": NOW + 60}


def manifest(fields: str = FIELDS) -> str:
    return BASE.replace("FIELDS", fields)


def on_site(
    folder: Path,
    test: Callable[[Hosted, FakeClock], Coroutine[Any, Any, Any]],
    fields: str = FIELDS,
) -> Any:
    time = FakeClock(NOW)

    async def main() -> Any:
        async with hosted(folder, manifest(fields), FILES, ENVIRONMENT, time.clock) as site:
            return await test(site, time)

    return run(main())


def answer_to(folder: Path, token: str, fields: str = FIELDS) -> tuple[int, str]:
    """The status, and what is wrong with the token."""

    async def test(site: Hosted, time: FakeClock) -> tuple[int, str]:
        answer = await site.get("/", f"Authorization: Bearer {token}")
        challenge = answer.names.get("www-authenticate", "")
        return answer.status, challenge.partition("error_description=")[2].strip('"')

    return on_site(folder, test, fields)  # type: ignore[no-any-return]


def signed(claims: dict[str, Any] | None = None, key: Any = SECRET, **options: Any) -> str:
    return jwt.encode(
        CLAIMS if claims is None else claims, key, **{"algorithm": "HS256", **options}
    )


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(each).encode() for each in (header, claims)]
    encoded = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in (*parts, signature))
    return b".".join(encoded).decode()


def test_the_claims_of_a_token_reach_the_handler(tmp_path: Path) -> None:
    async def test(site: Hosted, time: FakeClock) -> None:
        for key in (SECRET, OLD):
            answer = await site.get("/", f"Authorization: Bearer {signed(key=key)}")
            assert answer.json() == ["ada", CLAIMS]

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": NOW - 5}, "the token has expired"),
        ({"exp": NOW - 4}, ""),
        ({"exp": str(NOW + 60)}, "the claim 'exp' of the token is no time"),
        ({"exp": True}, "the claim 'exp' of the token is no time"),
        ({"exp": None}, "the token has no claim 'exp'"),
        ({"nbf": NOW + 6}, "the token is not valid yet"),
        ({"nbf": NOW + 5}, ""),
        ({"iat": NOW + 6}, "the token is not valid yet"),
        ({"iss": "you"}, "the token is of another issuer"),
        ({"iss": None}, "the token has no claim 'iss'"),
        ({"aud": "them"}, "the token is for another audience"),
        ({"sub": 7}, "the token is malformed"),
    ],
)
def test_the_claims_of_a_token_are_checked(change: Any, why: str, tmp_path: Path) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}

    assert answer_to(tmp_path, _raw(claims)) == (401 if why else 200, why)


def _raw(claims: dict[str, Any]) -> str:
    """Signed without PyJWT's own checks of what it signs."""
    return jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, algorithm="HS256")


def test_a_token_expires_by_the_clock_of_the_application(tmp_path: Path) -> None:
    async def test(site: Hosted, time: FakeClock) -> list[int]:
        header = f"Authorization: Bearer {signed()}"
        before = (await site.get("/", header)).status
        await time.advance(65)
        return [before, (await site.get("/", header)).status]

    assert on_site(tmp_path, test) == [200, 401]


SIGNATURE = "the signature of the token is wrong"
ALGORITHM = "the algorithm of the token is not accepted"
RSA_ONLY = "algorithms: [RS256], key: '${secret:PUBLIC}'"


@pytest.mark.parametrize(
    ("token", "why", "fields"),
    [
        (signed(key="x" * 32), SIGNATURE, FIELDS),
        (signed()[:-4] + "AAAA", SIGNATURE, FIELDS),
        (signed(algorithm="HS512", key="s" * 64), ALGORITHM, FIELDS),
        (forged({"alg": "none", "typ": "JWT"}, CLAIMS), ALGORITHM, FIELDS),
        (forged({"alg": "None"}, CLAIMS), ALGORITHM, FIELDS),
        (forged({"alg": ["HS256"]}, CLAIMS), ALGORITHM, FIELDS),
        (forged({"alg": "HS256"}, CLAIMS), SIGNATURE, FIELDS),
        (forged({}, CLAIMS), ALGORITHM, FIELDS),
        # whoever knows the public key signs with it as if it were a secret
        (forged({"alg": "HS256"}, CLAIMS, PUBLIC[:32]), ALGORITHM, RSA_ONLY),
        (signed(key=OTHER_RSA, algorithm="RS256"), SIGNATURE, RSA_ONLY),
        (signed(key=CURVE, algorithm="ES256"), ALGORITHM, RSA_ONLY),
        (signed(key=RSA, algorithm="PS256"), ALGORITHM, RSA_ONLY),
        ("a.b.c", "the token is malformed", FIELDS),
        ("a.b", "the token is malformed", FIELDS),
        ("....", "the token is malformed", FIELDS),
        (
            base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.",
            "the token is malformed",
            FIELDS,
        ),
        (forged({"alg": "HS256", "kid": 7}, CLAIMS), "the token is malformed", FIELDS),
    ],
)
def test_a_forged_token_is_refused(token: str, why: str, fields: str, tmp_path: Path) -> None:
    assert answer_to(tmp_path, token, fields) == (401, why)


def test_a_public_key_checks_what_the_private_one_signed(tmp_path: Path) -> None:
    token = signed(key=RSA, algorithm="RS256")

    assert answer_to(tmp_path, token, RSA_ONLY) == (200, "")


def key_set(*more: dict[str, Any]) -> str:
    rsa_key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "r"}
    curve = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(CURVE.public_key())), "kid": "e"}
    return json.dumps({"keys": [rsa_key, curve, *more]})


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(key=RSA, algorithm="RS256", headers={"kid": "r"}), ""),
        (signed(key=CURVE, algorithm="ES256", headers={"kid": "e"}), ""),
        (signed(key=RSA, algorithm="RS256", headers={"kid": "e"}), SIGNATURE),
        (signed(key=RSA, algorithm="RS256", headers={"kid": "x"}), SIGNATURE),
        (signed(key=RSA, algorithm="RS256"), SIGNATURE),
        (signed(key=OTHER_RSA, algorithm="RS256", headers={"kid": "r"}), SIGNATURE),
        (signed(key=RSA, algorithm="RS512", headers={"kid": "r"}), ALGORITHM),
        (signed(headers={"kid": "oct"}), ALGORITHM),
    ],
)
def test_a_token_names_its_key_in_a_set(token: str, why: str, tmp_path: Path) -> None:
    secret = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    symmetric = {"kty": "oct", "k": secret, "kid": "oct", "alg": "HS256"}
    fields = f"algorithms: [RS256, ES256], jwks: '{key_set(symmetric)}'"

    assert answer_to(tmp_path, token, fields) == ((401, why) if why else (200, ""))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("algorithms: [none], secret: x", "'algorithms[0]' is 'none', not one of"),
        ("algorithms: [HS256]", "there is no key: tokens are checked by one of them; write"),
        (
            f"algorithms: [HS256], secret: {SECRET}, jwks: '{key_set()}'",
            "there is secret and jwks: tokens are checked by one of them",
        ),
        (
            f"algorithms: [RS256, HS256], secret: {SECRET}",
            "'algorithms' mixes HS256 with others: a public key would be its secret",
        ),
        (
            f"algorithms: [RS256], secret: {SECRET}",
            "'secret' is for HS256, HS384 and HS512, not for RS256; write the public key as 'key'",
        ),
        ("algorithms: [HS256], key: '${secret:PUBLIC}'", "'key' is a public key, not for HS256"),
        ("algorithms: [HS256], secret: '${secret:PUBLIC}'", "this is a key of a pair, and no sec"),
        ("algorithms: [HS512], secret: '${secret:NEW}'", "the secret has less than 64 bytes, of"),
        ("algorithms: [RS256], key: '${secret:NEW}'", "this is no public key in PEM form, which"),
        (f"algorithms: [RS256], key: {json.dumps(PRIVATE)}", "this is a private key, which whoe"),
        ("algorithms: [RS256], jwks: '{}'", "this is no JWK set: an object whose 'keys' is a list"),
        ("algorithms: [RS256, EdDSA], jwks: {keys: []}", "no key of this set is for RS256 or EdD"),
        ("algorithms: [HS256], jwks: {keys: [{kty: RSA}]}", "no key of this set is for HS256"),
        ("algorithms: [RS256], jwks: {keys: [{kty: RSA, kid: a}]}", "the key 'a' is malformed: "),
        ("algorithms: [RS256], jwks: '{\"keys\":'", "this is no JWK set, since it is no JSON: "),
    ],
)
def test_what_would_check_nothing_is_a_finding(fields: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, manifest(fields), FILES, ENVIRONMENT)

    assert found in str(caught.value)


def test_without_the_extra_a_finding_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.findings import extra

    monkeypatch.setattr(extra, "find_spec", lambda name: None)

    with pytest.raises(ManifestError, match="run: pip install 'manifest-runtime\\[jwt\\]'"):
        linked(tmp_path, manifest(), FILES, ENVIRONMENT)


def test_a_secret_in_the_manifest_is_noted(tmp_path: Path) -> None:
    fields = f"algorithms: [HS256], secret: {SECRET}"

    (note,) = linked(tmp_path, manifest(fields), FILES).notes

    assert "the secret stands here for everybody who reads the manifest" in str(note)
