from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.clock import FakeClock
from tests.support.hosting import GATEWAY, hosted, linked
from tests.support.serving import Answer, run

SECRET = "s" * 32
MANIFEST = (
    GATEWAY
    + """
  - {name: open, kind: http.router, meta: {server: gateway}}
  - {name: closed, kind: http.router, meta: {server: gateway}, prefix: /in, guards: [token]}
  - name: token
    kind: auth.jwt
    algorithms: [HS256]
    secret: ["${secret:KEY}"]
    issuer: shop
    audience: [web, app]
    expires: 10m
  - {name: checker, kind: auth.jwt, algorithms: [HS256], jwks: {keys: [{kty: oct, k: c2VjcmV0}]}}
  - name: login
    kind: http.endpoint
    meta: {router: open}
    method: POST
    path: /login
    func: file://h.py#login
  - name: plain
    kind: http.endpoint
    meta: {router: open}
    method: POST
    path: /plain
    func: file://plain.py#login
  - name: unable
    kind: http.endpoint
    meta: {router: open}
    method: POST
    path: /unable
    func: file://h.py#unable
  - {name: me, kind: http.endpoint, meta: {router: closed}, method: GET, path: /me, func: "file://h.py#me"}
"""
)
FILES = {
    "h.py": """
        from runtime.modules import auth

        async def login():
            return auth.sign("token", {"sub": "ada", "admin": True})

        async def unable():
            return auth.sign("app:checker", {})

        async def me(request):
            return request.state.claims
    """,
    "plain.py": """
        from runtime.modules.sync import auth

        def login():
            return auth.sign("app:token", {"sub": "bob", "exp": None})
    """,
}


def posted(folder: Path, path: str) -> tuple[Answer, Answer]:
    """The answer to a POST, and to a GET with the token that it gave."""

    async def main() -> Any:
        time = FakeClock(1_700_000_000)
        async with hosted(folder, MANIFEST, FILES, {"KEY": SECRET}, time.clock) as site:
            given = await site.get(path, method="POST")
            token = given.body.decode()
            return given, await site.get("/in/me", f"Authorization: Bearer {token}")

    return run(main())  # type: ignore[no-any-return]


def test_a_handler_signs_what_the_guard_accepts(tmp_path: Path) -> None:
    given, entered = posted(tmp_path, "/login")

    assert entered.json() == {
        "iat": 1_700_000_000,
        "exp": 1_700_000_600,
        "iss": "shop",
        "aud": "web",
        "sub": "ada",
        "admin": True,
    }
    header = jwt.get_unverified_header(given.body.decode())
    assert header["alg"] == "HS256"


def test_a_plain_def_signs_too_and_its_claims_go_first(tmp_path: Path) -> None:
    given, entered = posted(tmp_path, "/plain")

    assert (given.status, entered.status) == (200, 401)
    assert "has no claim 'exp'" in entered["www-authenticate"]


def test_an_entry_without_a_secret_signs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given, _ = posted(tmp_path, "/unable")

    assert given.status == 500
    assert "'app:checker' has no 'secret' to sign with; it checks tokens only" in caplog.text


def test_what_signs_is_an_edge_of_the_graph_and_checked(tmp_path: Path) -> None:
    found = linked(tmp_path, MANIFEST, FILES, {"KEY": SECRET})
    login = next(link for id, link in found.links.items() if id.name == "login")
    assert [str(id) for id in login.targets] == ["app:open", "app:token"]

    files = {name: text.replace('"token"', '"gateway"') for name, text in FILES.items()}
    notes = [str(note) for note in linked(tmp_path, MANIFEST, files, {"KEY": SECRET}).notes]
    assert any("'app:gateway' is of kind http.service, not auth.jwt" in note for note in notes)
