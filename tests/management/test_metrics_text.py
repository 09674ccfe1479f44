"""The text of metrics: escapes, buckets, and a limit on the number of series."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from runtime.engines.management.metrics.family import DURATIONS, FAMILIES
from runtime.engines.management.metrics.registry import MOST, Registry
from runtime.engines.management.metrics.text import render
from runtime.engines.management.metrics.window import Window, quantile, rate

ODD = 'back\\slash "quote"\nline, {brace} ü'


@pytest.mark.parametrize("openmetrics", [False, True])
def test_labels_with_any_character_come_back_as_they_were(openmetrics: bool) -> None:
    registry = Registry()
    registry.add("runtime_loop_blocked_total", (ODD,), 3)
    registry.histogram("runtime_message_wait_seconds", (ODD,)).observe([0.5])

    text = render(registry.read(), openmetrics=openmetrics)
    read = parse_openmetrics if openmetrics else parse
    labels = {
        value
        for family in read(text)
        for sample in family.samples
        for name, value in sample.labels.items()
        if name != "le"
    }
    assert labels == {ODD}


def test_buckets_are_cumulative_and_end_with_all() -> None:
    registry = Registry()
    values = [0.0005, 0.001, 0.0011, 3, 100]
    registry.histogram("runtime_loop_lag_seconds", ()).observe(values)

    (family,) = parse(render(registry.read()))
    buckets = {
        sample.labels["le"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_bucket")
    }
    assert len(buckets) == len(DURATIONS) + 1
    assert buckets["0.001"] == 2
    assert buckets["0.0025"] == 3
    assert buckets["5.0"] == 4
    assert buckets["+Inf"] == 5


def test_series_beyond_the_limit_are_counted_together() -> None:
    registry = Registry()
    for number in range(MOST + 5):
        registry.add("runtime_loop_blocked_total", (str(number),))

    rows = registry.read()["runtime_loop_blocked_total"]
    assert len(rows) == MOST + 1
    assert sum(row.value for row in rows) == MOST + 5
    assert rows[-1].labels == ("other",)


def test_what_was_read_does_not_change_any_more() -> None:
    registry = Registry()
    registry.add("runtime_loop_blocked_total", ("a",))
    registry.histogram("runtime_loop_lag_seconds", ()).observe([1.0])
    before = registry.read()
    text = render(before)

    registry.add("runtime_loop_blocked_total", ("a",))
    registry.histogram("runtime_loop_lag_seconds", ()).observe([1.0])
    registry.add("runtime_queue_published_total", ("q",))
    registry.read()

    assert render(before) == text


def test_two_processes_are_added_up() -> None:
    one, two, both = Registry(), Registry(), Registry()
    for registry, number in ((one, 1), (two, 2)):
        registry.add("runtime_queue_published_total", ("q",), number)
        registry.histogram("runtime_loop_lag_seconds", ()).observe([0.002] * number)
    both.merge(one.read())
    both.merge(two.read())

    text = render(both.read())
    assert 'runtime_queue_published_total{queue="q"} 3' in text
    assert 'runtime_loop_lag_seconds_bucket{le="0.0025"} 3' in text
    assert "runtime_loop_lag_seconds_sum 0.006" in text


def test_every_family_has_a_help_and_labels_that_prometheus_takes() -> None:
    for name, family in FAMILIES.items():
        assert family.help.endswith(".")
        assert (family.kind == "counter") == name.endswith("_total")
        assert all(label.isidentifier() and label != "le" for label in family.labels)
        assert bool(family.bounds) == (family.kind == "histogram")


def test_a_window_forgets_what_is_older_than_a_minute() -> None:
    window = Window()
    window.mark(0.0, [0])
    for second in range(1, 200):
        seconds, (growth,) = window.mark(float(second), [10 * second])

    assert 60 <= seconds <= 65
    assert growth == 10 * seconds
    assert rate(seconds, growth) == 10


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [([0, 0, 0], 0.5, None), ([10, 0, 0], 0.5, 0.5), ([0, 10, 0], 0.5, 1.5), ([0, 0, 5], 0.5, 2.0)],
)
def test_a_quantile_lies_within_its_bucket(
    counts: list[float], share: float, value: float | None
) -> None:
    assert quantile([1.0, 2.0], counts, share) == value
