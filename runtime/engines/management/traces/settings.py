"""Settings: what is kept and exported, by the manifest and the variables of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from runtime.service import StartError

SAMPLE = 0.01
"""The share of traces that are kept though they neither failed nor were slow."""
MOST_SAMPLED = 10
"""Those of them that are kept each second, unless somebody has chosen a share."""
SLOW = 1.0
"""Seconds after which a request or a message counts as slow."""
_PATH = "/v1/traces"
_SAMPLERS = ("always_on", "always_off", "traceidratio")


class Collector(Struct, frozen=True):
    """A collector as a manifest declares it. What is empty or None is left to the variables."""

    endpoint: str
    """Its URL, to which the path of traces is added."""
    headers: Mapping[str, str]
    sample: float | None
    slow: float
    """Seconds."""
    service_name: str | None


class Export(Struct, frozen=True):
    """The collector of traces."""

    url: str
    headers: Mapping[str, str]
    resource: Mapping[str, str]
    """Attributes that say who sends."""
    secrets: tuple[str, ...] = ()
    """Values that the log has to hide, besides those of the manifest."""


class Settings(Struct, frozen=True):
    """The traces that are kept, and who is sent them."""

    sample: float = SAMPLE
    most_sampled: float = MOST_SAMPLED
    slow: float = SLOW
    follows: bool = True
    """True if a trace that was begun and sampled elsewhere is kept."""
    export: Export | None = None

    def sampling(self, share: float) -> Settings:
        """The same with that share, however many a second it is."""
        return replace(self, sample=share, most_sampled=inf)


def from_environment(
    environment: Mapping[str, str], service: str, declared: Collector | None = None
) -> Settings:
    """Read the settings: each from what is declared, or else from its variable. `service` is the
    name of the application, unless one of both has another.

    Raises StartError for a variable that cannot be right.
    """
    chosen = _sampler(environment)
    slow = SLOW
    if declared is not None:
        slow = declared.slow
        if declared.sample is not None:
            chosen = declared.sample, True
    settings = Settings(slow=slow, export=_export(environment, service, declared))
    if chosen is None:
        return settings
    sample, follows = chosen
    return replace(settings.sampling(sample), follows=follows)


def _sampler(environment: Mapping[str, str]) -> tuple[float, bool] | None:
    """The share and whether traces that began elsewhere are followed; None if nothing is said."""
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip()
    if not name:
        return None
    kind = name.removeprefix("parentbased_")
    if kind not in _SAMPLERS:
        known = ", ".join([*_SAMPLERS, *(f"parentbased_{each}" for each in _SAMPLERS)])
        raise StartError(f"OTEL_TRACES_SAMPLER is '{name}', not one of {known}")
    follows = kind != name
    if kind != "traceidratio":
        return (1.0 if kind == "always_on" else 0.0), follows
    text = environment.get("OTEL_TRACES_SAMPLER_ARG", "1.0")
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise StartError(f"OTEL_TRACES_SAMPLER_ARG is '{text}', not a number from 0 to 1")
    return ratio, follows


def _export(
    environment: Mapping[str, str], service: str, declared: Collector | None
) -> Export | None:
    own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    given = declared.endpoint if declared is not None else ""
    if disabled or not (given or own or base):
        return None
    if given:
        url = given.rstrip("/").removesuffix(_PATH) + _PATH
    else:
        url = own or base.rstrip("/") + _PATH
        name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" if own else "OTEL_EXPORTER_OTLP_ENDPOINT"
        if fault := fault_of(url):
            raise StartError(f"{name} {fault[0]}; {fault[1]}")
    headers = declared.headers if declared is not None else {}
    secrets: tuple[str, ...] = ()
    if not headers:
        text = environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
        if text is None:
            text = environment.get("OTEL_EXPORTER_OTLP_HEADERS", "")
        headers = _split(text, "OTEL_EXPORTER_OTLP_HEADERS")
        secrets = tuple(headers.values())
    resource = {"service.name": service, **_pairs(environment, "OTEL_RESOURCE_ATTRIBUTES")}
    named = declared.service_name if declared is not None else None
    if named := named or environment.get("OTEL_SERVICE_NAME", "").strip():
        resource["service.name"] = named
    return Export(url, headers, resource, secrets)


def fault_of(url: str) -> tuple[str, str] | None:
    """The fault of a collector's URL, as the end of a sentence, and a hint."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        fault = "is no URL of a collector that takes OTLP by HTTP"
        return fault, "write it as http://127.0.0.1:4318"
    if parts.username or parts.password:
        return "has a user or a password", "send it as a header"
    return None


def _pairs(environment: Mapping[str, Any], name: str) -> dict[str, str]:
    return _split(environment.get(name, ""), name)


def _split(text: str, name: str) -> dict[str, str]:
    """`key=value,…`, percent-encoded. What is wrong is not shown: it may be a secret."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, equals, value = part.partition("=")
        key, value = key.strip(), unquote(value.strip())
        if not equals or not key or not is_sendable(key + value):
            raise StartError(f"{name} is not of the form key=value,key=value")
        found[key] = value
    return found


def is_sendable(text: str) -> bool:
    """Text that may stand in a header."""
    return text.isascii() and text.isprintable()
