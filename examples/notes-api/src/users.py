"""Users sign up and log in. Plain functions: the slow hash runs in a thread, off the event loop."""

import hashlib
import hmac
import secrets
from typing import Annotated

from msgspec import Meta, Struct

from runtime.modules.sync import auth, http, sql

Database = Annotated[sql.Database, "app:db"]
Tokens = Annotated[auth.Jwt, "app:token"]


class Credentials(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,30}(?!\n)$")]
    password: Annotated[str, Meta(min_length=8, max_length=200)]


class Token(Struct):
    token: str


def sign_up(user: Credentials, db: Database) -> None:
    """Sign up."""
    password = hashed(user.password, secrets.token_hex(16))
    added = db.execute(
        "INSERT INTO users VALUES (?, ?) ON CONFLICT DO NOTHING", [user.name, password]
    )
    if not added.rows_affected:
        raise http.Error(409, "that name is taken")
    http.response().set_status(201)


def log_in(user: Credentials, db: Database, tokens: Tokens) -> Token:
    """Log in: the token goes into the header `Authorization: Bearer …`."""
    found = db.query_one("SELECT password FROM users WHERE name = ?", [user.name])
    expected = found["password"] if found else "nobody:"  # takes as long as a wrong password
    if not hmac.compare_digest(hashed(user.password, expected.partition(":")[0]), expected):
        raise http.Error(401, "wrong name or password")
    return Token(tokens.sign({"sub": user.name}))


def hashed(password: str, salt: str) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1)
    return f"{salt}:{digest.hex()}"
