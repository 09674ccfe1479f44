"""The variables of OpenTelemetry: what is kept, and who is sent it."""

from __future__ import annotations

from math import inf

import pytest

from runtime.engines.management.traces.settings import (
    MOST_SAMPLED,
    SLOW,
    Collector,
    from_environment,
)
from runtime.service import StartError


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/otlp/"}, "https://c/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"}, "http://c/x"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"},
            None,
        ),
    ],
)
def test_the_variables_of_opentelemetry_say_where(
    variables: dict[str, str], url: str | None
) -> None:
    export = from_environment(variables, "shop").export

    assert (export.url if export else None) == url


def test_the_variables_say_who_sends_and_how_much_is_kept() -> None:
    settings = from_environment(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x, x-team=a",
            "OTEL_RESOURCE_ATTRIBUTES": "service.version=2,service.name=other",
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
        },
        "folder",
    )

    assert settings.export is not None
    assert settings.export.headers == {"authorization": "Bearer x", "x-team": "a"}
    assert settings.export.resource == {"service.name": "shop", "service.version": "2"}
    assert (settings.sample, settings.follows) == (0.25, True)
    assert settings.most_sampled == inf
    unsaid = from_environment({}, "folder")
    assert (unsaid.sample, unsaid.most_sampled, unsaid.follows) == (0.01, MOST_SAMPLED, True)
    assert from_environment({"OTEL_TRACES_SAMPLER": "always_on"}, "x").follows is False


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:secret@c"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "secret"},
        {"OTEL_TRACES_SAMPLER": "jaeger_remote"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
    ],
)
def test_a_variable_that_cannot_be_right_is_refused_without_its_secret(
    variables: dict[str, str],
) -> None:
    with pytest.raises(StartError) as caught:
        from_environment(variables, "shop")

    assert next(reversed(variables)) in str(caught.value)
    assert "secret" not in str(caught.value)


ENVIRONMENT = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:4318",
    "OTEL_EXPORTER_OTLP_HEADERS": "x-key=k",
    "OTEL_RESOURCE_ATTRIBUTES": "service.version=2",
    "OTEL_SERVICE_NAME": "other",
    "OTEL_TRACES_SAMPLER": "always_on",
}


def test_what_is_declared_counts_before_the_variables() -> None:
    declared = Collector("https://c/otlp/", {"x-team": "a"}, 0.5, 0.3, "shop")
    settings = from_environment(ENVIRONMENT, "folder", declared)

    assert (settings.sample, settings.follows, settings.slow) == (0.5, True, 0.3)
    assert settings.export is not None
    assert settings.export.url == "https://c/otlp/v1/traces"
    assert (settings.export.headers, settings.export.secrets) == ({"x-team": "a"}, ())
    assert settings.export.resource == {"service.name": "shop", "service.version": "2"}


def test_the_variables_say_what_is_not_declared() -> None:
    declared = Collector("", {}, None, SLOW, None)

    assert from_environment(ENVIRONMENT, "folder", declared) == from_environment(
        ENVIRONMENT, "folder"
    )
    assert from_environment({}, "folder", declared).export is None


def test_nothing_is_sent_where_the_sdk_is_disabled_whatever_is_declared() -> None:
    declared = Collector("http://c:4318", {}, None, SLOW, None)

    assert from_environment({"OTEL_SDK_DISABLED": "true"}, "folder", declared).export is None


def test_the_path_of_traces_is_added_once() -> None:
    declared = Collector("http://c:4318/v1/traces", {}, None, SLOW, None)
    export = from_environment({}, "folder", declared).export

    assert export is not None
    assert export.url == "http://c:4318/v1/traces"
