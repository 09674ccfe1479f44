"""TLS to the broker, with an authority of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engines.queue.amqp.address import parse
from runtime.engines.queue.amqp.driver import AmqpDriver
from runtime.engines.queue.amqp.settings import Settings, Tls
from runtime.service import Unavailable
from tests.support.certificate import certificate as certificate
from tests.support.driver_conformance.messages import a_message, received
from tests.support.rabbitmq_server import USER, RabbitMQServer, require_rabbitmq
from tests.support.server_process import free_port, give
from tests.support.traffic import supervised

OPTIONS = {"amqp": {"max_length": 100}}


@pytest.fixture(scope="module")
def secure(certificate: tuple[Path, Path]) -> Iterator[str]:
    """The URL of a broker with that certificate, which is for `localhost`."""
    require_rabbitmq()
    port = free_port()
    server = RabbitMQServer(listeners__ssl__default=port)
    cert, key = (server.folder / name for name in ("cert.pem", "key.pem"))
    for copy, original in zip((cert, key), certificate, strict=True):
        copy.write_bytes(original.read_bytes())
        give(copy, USER)
    server.settings |= {
        "ssl_options__cacertfile": cert,
        "ssl_options__certfile": cert,
        "ssl_options__keyfile": key,
    }
    with server.running():
        yield f"amqps://guest:guest@localhost:{port}"


def driver_of(url: str, ca: Path | None, server_name: str | None = None) -> AmqpDriver:
    trusted = None if ca is None else str(ca)
    tls = Tls(ca=trusted, cert=None, key=None, server_name=server_name, verify=True)
    settings = Settings(address=parse(url), name="test", heartbeat=5, tls=tls)
    return AmqpDriver("app:queues", settings)


def refusal(driver: AmqpDriver) -> str:
    with pytest.raises(Unavailable) as told:
        asyncio.run(driver.run(lambda where="": None, asyncio.Event()))
    return str(told.value)


def test_messages_go_through_a_connection_that_is_verified(
    secure: str, certificate: tuple[Path, Path]
) -> None:
    async def main() -> None:
        by_address = secure.replace("localhost", "127.0.0.1")
        for driver in (
            driver_of(secure, certificate[0]),
            driver_of(by_address, certificate[0], server_name="localhost"),
        ):
            queue = driver.declare("tasks", OPTIONS)
            async with supervised(driver):
                await queue.publish(a_message("7"))
                subscription = queue.subscribe(1)
                message = await received(subscription)
                await subscription.ack(message)
                assert message.body == b"7"

    asyncio.run(main())


def test_an_authority_that_is_not_trusted_is_told_with_the_mend(secure: str) -> None:
    said = refusal(driver_of(secure, None))

    assert "certificate verify failed" in said
    assert "give the certificate of its authority as 'tls.ca'" in said


def test_a_certificate_for_another_name_is_told_with_the_mend(
    secure: str, certificate: tuple[Path, Path]
) -> None:
    said = refusal(driver_of(secure.replace("localhost", "127.0.0.1"), certificate[0]))

    assert "is not valid for '127.0.0.1'" in said
    assert "write the name in it as 'tls.server_name'" in said
