"""telemetry.otlp: the collector that the traces of the application are sent to."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from runtime.engines.management.traces.settings import Collector, fault_of, is_sendable
from runtime.findings.finding import Problem
from runtime.kind import BuildContext, Claim, Kind, Linked

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str
    headers: dict[str, str]
    sample: float | None
    slow: float
    service_name: str | None


def build(config: Config, context: BuildContext) -> Collector:
    return Collector(
        config.endpoint, config.headers, config.sample, config.slow, config.service_name
    )


def check(entry: Linked) -> Iterable[Claim | Problem]:
    yield Claim(None, "the collector of the application", ("kind",))
    endpoint = entry.fields["endpoint"]
    if endpoint and (fault := fault_of(endpoint)):
        yield Problem(("endpoint",), f"'endpoint' {fault[0]}", fault[1])
    for name, value in entry.fields["headers"].items():
        if not _NAME.fullmatch(name):
            yield Problem(("headers", name), f"'{name}' is no name of a header")
        elif not is_sendable(value):
            yield Problem(("headers", name), f"the value of '{name}' cannot be sent in a header")


kind = Kind("telemetry.otlp", Config, build, check=check)
