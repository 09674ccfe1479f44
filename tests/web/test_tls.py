"""TLS: a server with a certificate, and files that are none."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from runtime.engines.web.address import Address, tls_context
from runtime.engines.web.dispatcher import Dispatcher
from runtime.engines.web.routes import Routes
from runtime.engines.web.server import Server
from runtime.service import StartError
from tests.support.serving import (
    BOTH,
    PATIENT,
    echo,
    hello,
    route,
    run,
    running,
)

ROUTES = [route("GET", "/x", hello), route("POST", "/x", echo)]


@BOTH
def test_a_server_with_a_certificate_speaks_tls(loop: str, certificate: tuple[Path, Path]) -> None:
    async def main() -> tuple[int, str]:
        dispatcher = Dispatcher(max_body=1)
        dispatcher.serve(Routes(ROUTES))
        server = Server(
            dispatcher, Address("127.0.0.1", 0), timeouts=PATIENT, tls=tls_context(*certificate)
        )
        trust = ssl.create_default_context(cafile=str(certificate[0]))
        async with running(server) as serving:
            client = await serving.connect(ssl=trust, server_hostname="localhost")
            answer = await client.get("/x", "Connection: close")
            await client.ended()
            await client.close()
            await serving.stop()
            return answer.status, answer["content-length"]

    assert run(main(), loop) == (200, "5")


def test_tls_files_that_cannot_be_used_are_one_clear_sentence(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")

    for pair, reason in [
        ((tmp_path / "no.pem", key), "is not there"),
        ((cert, tmp_path / "no.pem"), "is not there"),
        ((junk, key), "are no certificate and key"),
        ((cert, junk), "are no certificate and key"),
        ((cert, None), "are no certificate and key"),
    ]:
        with pytest.raises(StartError, match=reason):
            tls_context(*pair)
