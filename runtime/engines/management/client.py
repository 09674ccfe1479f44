"""Client: asks a program by its Unix socket, as commands do. Imports little: probes run often."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT = 5.0
"""Seconds that an answer may take, unless told otherwise."""


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """An error in words."""
        try:
            found = self.json
            return str(found.get("detail") or found.get("title"))
        except (ValueError, AttributeError):
            return self.body.decode("utf-8", "replace").strip()


class NoAnswer(Exception):
    """The program does not answer, or has gone. The text says which."""


class Client:
    """Asks the program that listens on one socket."""

    def __init__(self, path: Path, timeout: float = TIMEOUT) -> None:
        self._path = path
        self._timeout = timeout

    def get(self, path: str) -> Answer:
        """Raises NoAnswer."""
        return self.request("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        """Send JSON. Raises NoAnswer."""
        data = b"" if body is None else json.dumps(body).encode()
        return self.request("POST", path, data, {"Content-Type": "application/json"})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Raises NoAnswer."""
        connection = _Connection(self._path, self._timeout)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except TimeoutError:
            raise NoAnswer(f"it does not answer within {self._timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"it has gone: {error}") from None
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
