"""Settings: what is kept and exported, by the variables of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from runtime.service import StartError

SAMPLE = 0.01
"""The share of traces that are kept though they neither failed nor were slow."""
SLOW = 1.0
"""Seconds after which a request or a message counts as slow."""
_PATH = "/v1/traces"
_SAMPLERS = ("always_on", "always_off", "traceidratio")


class Export(Struct, frozen=True):
    """The collector of traces."""

    url: str
    headers: Mapping[str, str]
    """They may be secrets."""
    resource: Mapping[str, str]
    """Attributes that say who sends."""


class Settings(Struct, frozen=True):
    """The traces that are kept, and who is sent them."""

    sample: float = SAMPLE
    slow: float = SLOW
    follows: bool = True
    """True if a trace that was begun and sampled elsewhere is kept."""
    export: Export | None = None


def from_environment(environment: Mapping[str, str], service: str) -> Settings:
    """Read the settings. `service` is the name of the application, unless a variable has another.

    Raises StartError for a variable that cannot be right.
    """
    sample, follows = _sampler(environment)
    return Settings(sample, SLOW, follows, _export(environment, service))


def _sampler(environment: Mapping[str, str]) -> tuple[float, bool]:
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip()
    if not name:
        return SAMPLE, True
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


def _export(environment: Mapping[str, str], service: str) -> Export | None:
    own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or not (own or base):
        return None
    url = own or base.rstrip("/") + _PATH
    name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" if own else "OTEL_EXPORTER_OTLP_ENDPOINT"
    _check(url, name)
    text = environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
    if text is None:
        text = environment.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    resource = {"service.name": service, **_pairs(environment, "OTEL_RESOURCE_ATTRIBUTES")}
    if given := environment.get("OTEL_SERVICE_NAME", "").strip():
        resource["service.name"] = given
    return Export(url, _split(text, "OTEL_EXPORTER_OTLP_HEADERS"), resource)


def _check(url: str, name: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = "such as http://127.0.0.1:4318"
        raise StartError(f"{name} is no URL of a collector that takes OTLP by HTTP, {hint}")
    if parts.username or parts.password:
        raise StartError(f"{name} has a user or a password; use OTEL_EXPORTER_OTLP_HEADERS")


def _pairs(environment: Mapping[str, Any], name: str) -> dict[str, str]:
    return _split(environment.get(name, ""), name)


def _split(text: str, name: str) -> dict[str, str]:
    """`key=value,…`, percent-encoded. What is wrong is not shown: it may be a secret."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, equals, value = part.partition("=")
        key, value = key.strip(), unquote(value.strip())
        if not equals or not key or not (key + value).isprintable():
            raise StartError(f"{name} is not of the form key=value,key=value")
        found[key] = value
    return found
