"""queue.driver.nats: queues in NATS JetStream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from urllib.parse import unquote, urlsplit

import msgspec

from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Expected, Kind, Linked, Stage
from runtime_nats.driver import NatsDriver
from runtime_nats.session import Settings

SCHEMA = json.loads(files(__name__).joinpath("queue.driver.nats.schema.json").read_text("utf-8"))


class Config(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    prefix: str
    lease: float
    replicas: int


def build(config: Config, context: BuildContext) -> NatsDriver:
    if password := urlsplit(config.url).password:
        context.scope.redactor.hide([unquote(password)])
    settings = Settings(config.url, str(context.id), config.prefix, config.lease, config.replicas)
    return NatsDriver(settings, clock=context.clock)


def check(entry: Linked) -> Iterable[Problem]:
    parts = urlsplit(entry.fields["url"])
    if parts.scheme not in ("nats", "tls") or not parts.hostname:
        yield Problem(("url",), "this is no URL of a NATS server", "write nats://host:4222")
    if entry.fields["lease"] < 1:
        yield Problem(("lease",), "'lease' is less than 1s", "write 30s")


kind = Kind(
    "queue.driver.nats",
    Config,
    build,
    stage=Stage.RESOURCE,
    schema=SCHEMA,
    check=check,
    expected=Expected(("queue.queue", "event.subscriber"), "no queue is on this driver"),
    unsupported={
        "schedule": "a stream does not remember what was fired",
        "transaction": "it keeps them in JetStream",
        "unique": "JetStream cannot tell a key that waits from one that runs",
        "priority": "JetStream delivers in order",
        "dead_letters": "a stream cannot be searched while it is consumed",
        "exact_length": "JetStream's bound would refuse dead letters of other queues too",
        "overflow": "JetStream tells nobody when there is room again",
        "release": "JetStream counts each delivery that was given back",
        "rate": "JetStream delivers as fast as messages are acknowledged",
        "concurrency_by": "JetStream does not look into messages",
        "tasks": "a stream cannot be searched while it is consumed",
        "pause": "a consumer of JetStream cannot be kept from its stream",
        "info": "JetStream counts what was given back among what is in flight",
    },
)
