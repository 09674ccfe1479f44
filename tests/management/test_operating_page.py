"""docs/operating.md: the rules of its alerts are about metrics that there are."""

from __future__ import annotations

import re

import yaml

from runtime.engines.management.metrics.family import FAMILIES
from tests.support.doc_examples import steps
from tests.support.operating import PAGE


def test_the_alerts_are_about_metrics_and_labels_that_there_are() -> None:
    (step,) = [each for each in steps(PAGE) if each.argument == "alerts.yaml"]
    (group,) = yaml.safe_load(step.text)["groups"]

    for rule in group["rules"]:
        (name,) = re.findall(r"\b(runtime_\w+|up)\b", rule["expr"])
        if name == "up":  # Prometheus' own
            continue
        family = FAMILIES[name.removesuffix("_bucket")]
        labels = re.findall(r"(\w+)=~?\"", rule["expr"])
        assert set(labels) <= set(family.labels), rule
        assert name.endswith("_bucket") == (family.kind == "histogram"), rule
