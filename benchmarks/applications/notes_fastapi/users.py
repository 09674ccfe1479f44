"""Users sign up and log in."""

import hashlib
import hmac
import secrets
from typing import Annotated

from database import Database, query_one
from fastapi import APIRouter, HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from tokens import sign

router = APIRouter(prefix="/api")


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,30}$")]
    password: Annotated[str, Field(min_length=8, max_length=200)]


class Token(BaseModel):
    token: str


@router.post("/users", status_code=201, response_class=Response)
async def sign_up(user: Credentials, db: Database) -> None:
    """Sign up."""
    password = await run_in_threadpool(hashed, user.password, secrets.token_hex(16))
    added = db.execute(
        "INSERT INTO users VALUES (?, ?) ON CONFLICT DO NOTHING", [user.name, password]
    )
    if not added.rowcount:
        raise HTTPException(409, "that name is taken")


@router.post("/login")
async def log_in(user: Credentials, db: Database) -> Token:
    """Log in: the token goes into the header `Authorization: Bearer …`."""
    found = query_one(db, "SELECT password FROM users WHERE name = ?", [user.name])
    expected = found["password"] if found else "nobody:"  # takes as long as a wrong password
    given = await run_in_threadpool(hashed, user.password, expected.partition(":")[0])
    if not hmac.compare_digest(given, expected):
        raise HTTPException(401, "wrong name or password")
    return Token(token=sign(user.name))


def hashed(password: str, salt: str) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1)
    return f"{salt}:{digest.hex()}"
