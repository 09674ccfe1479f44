"""queue.driver.amqp: queues on a RabbitMQ broker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.engines.queue.amqp.address import Address, parse
from runtime.engines.queue.amqp.settings import Settings, Tls
from runtime.findings.extra import missing_package
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, EntryId, Expected, Kind, Linked, Stage

if TYPE_CHECKING:
    from runtime.engines.queue.amqp.driver import AmqpDriver

CLOSE_TIMEOUT = 0.4
"""Seconds that a broker has for its answer to a close."""


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True):
    enabled: bool | None
    ca: str | None
    cert: str | None
    key: str | None
    server_name: str | None
    insecure_skip_verify: bool


class Config(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    vhost: str | None
    heartbeat: float
    consumer_timeout: float
    connection_name: str | None
    tls: TlsConfig


def build(config: Config, context: BuildContext) -> AmqpDriver:
    from runtime.engines.queue.amqp.driver import AmqpDriver  # needs the extra

    settings = _settings(config, context.id, context.folder)
    address = settings.address
    if address.password != address.username:  # a user name is no secret, and in the log
        context.scope.redactor.hide([address.password])
    return AmqpDriver(str(context.id), settings, clock=context.clock)


def _settings(config: Config, id: EntryId, folder: Path) -> Settings:
    def path(text: str | None) -> str | None:
        return None if text is None else str((folder / text).absolute())

    return Settings(
        address=parse(config.url, config.vhost),
        name=config.connection_name or str(id),
        heartbeat=config.heartbeat,
        tls=Tls(
            ca=path(config.tls.ca),
            cert=path(config.tls.cert),
            key=path(config.tls.key),
            server_name=config.tls.server_name,
            verify=not config.tls.insecure_skip_verify,
        ),
    )


async def connect(entry: Linked, folder: Path) -> str:
    from runtime.engines.queue.amqp import link

    values: dict[str, Any] = {name: entry.fields.get(name) for name in Config.__struct_fields__}
    tls = {name: values["tls"].get(name) for name in TlsConfig.__struct_fields__}
    settings = _settings(Config(**{**values, "tls": TlsConfig(**tls)}), entry.id, folder)
    connection = await link.connect(settings, "validate", lambda error: None)
    server = connection.server
    await connection.close(CLOSE_TIMEOUT)
    return f"{settings.address} ({server})"


def check(entry: Linked) -> Iterable[Problem]:
    yield from missing_package("amqp", "pika", "pika")
    try:
        address = parse(entry.fields["url"], entry.fields.get("vhost"))
    except ValueError as error:
        hint = "write amqp://user:password@host:5672"
        yield Problem(("url",), f"this is no URL of a broker: {error}", hint)
        return
    yield from _check_tls(entry.fields["tls"], address)
    if not 1 <= entry.fields["heartbeat"] <= 600:
        message = "'heartbeat' is not between 1s and 10m, which is what brokers agree to"
        yield Problem(("heartbeat",), message)


def _check_tls(tls: dict[str, Any], address: Address) -> Iterable[Problem]:
    enabled = tls.get("enabled")
    if address.secure and enabled is False:
        message = "'tls.enabled' is false, but 'url' begins with amqps"
        yield Problem(("tls", "enabled"), message, "remove it, or write amqp://")
    elif not address.secure and enabled:
        message = "'tls.enabled' is true, but 'url' begins with amqp"
        yield Problem(("tls", "enabled"), message, "write amqps:// in 'url'")
    elif not address.secure and not address.is_local and enabled is None:
        message = "password and messages would cross the network in the clear"
        hint = "write amqps://, or 'tls: {enabled: false}' if that network is yours alone"
        yield Problem(("url",), message, hint)
    if tls["insecure_skip_verify"] and address.secure and not address.is_local:
        message = "without verification anybody on the way can be the broker"
        hint = "give the certificate of its authority as 'tls.ca'"
        yield Problem(("tls", "insecure_skip_verify"), message, hint)
    if "key" in tls and "cert" not in tls:
        yield Problem(("tls", "key"), "'tls.key' belongs to a 'tls.cert', and there is none")


kind = Kind(
    "queue.driver.amqp",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    connect=connect,
    expected=Expected(("queue.queue", "event.subscriber"), "no queue is on this driver"),
    unsupported={
        "transaction": "it keeps them on a broker",
        "unique": "a broker does not look at the messages that it has",
        "schedule": "a broker does not remember what was fired",
        "priority": "RabbitMQ delivers quorum queues in order",
        "dead_letters": "a broker cannot search a queue that is consumed",
        "exact_length": "RabbitMQ counts the messages that are ready only",
        "overflow": "RabbitMQ tells nobody when there is room again",
        "release": "RabbitMQ before 4.3 counts each delivery that was given back",
        "rate": "RabbitMQ delivers as fast as messages are acknowledged",
        "concurrency_by": "RabbitMQ does not look into messages",
        "tasks": "a broker does not look at the messages that it has",
        "pause": "RabbitMQ cannot keep a queue from its consumers",
        "info": "RabbitMQ does not tell how many messages are delayed or in flight",
    },
)
