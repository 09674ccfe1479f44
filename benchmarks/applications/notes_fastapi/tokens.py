"""Tokens of users who have logged in."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from settings import settings

HOLDS = timedelta(hours=12)

bearer = HTTPBearer(auto_error=False)
KEY = settings.notes_key.get_secret_value()


def sign(name: str) -> str:
    claims = {"sub": name, "exp": datetime.now(UTC) + HOLDS}
    return jwt.encode(claims, KEY, algorithm="HS256")


async def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    refused = HTTPException(401, "no valid token", {"WWW-Authenticate": "Bearer"})
    if credentials is None:
        raise refused
    try:
        claims = jwt.decode(
            credentials.credentials, KEY, ["HS256"], options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError:
        raise refused from None
    return claims["sub"]


User = Annotated[str, Depends(current_user)]
