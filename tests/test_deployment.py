"""The configurations of docs/deployment.md agree with what a program serves and says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.engines.management.listener import DEFAULT
from runtime.engines.management.metrics.family import FAMILIES
from runtime.engines.management.traces.settings import from_environment
from tests.support.blackbox import ROOT
from tests.support.doc_examples import steps
from tests.support.server_process import require

PAGE = ROOT / "docs" / "deployment.md"
OPERATING = ROOT / "docs" / "operating.md"
DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"
_NAME = re.compile(r"\b(?:runtime|process)_[a-z0-9_]+")
_TARGETS = {"job", "le"}
"""Labels that Prometheus adds."""


def files(page: Path = PAGE) -> dict[str, str]:
    return {step.argument: step.text for step in steps(page) if step.action == "file"}


def document(name: str) -> Any:
    return yaml.safe_load(files()[name])


def alerts() -> Iterator[str]:
    for group in document("rules.yml")["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def panels() -> Iterator[tuple[str, str]]:
    """The expressions of the dashboard, with their legends."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def family(name: str) -> str:
    """The family of a series, which is named by its suffix if it is a histogram."""
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    if plain != name and plain in FAMILIES:
        assert FAMILIES[plain].kind == "histogram", name
        return plain
    assert FAMILIES[name].kind != "histogram", f"{name} has no value of its own"
    return name


@pytest.mark.parametrize("expression", [*alerts(), *(expression for expression, _ in panels())])
def test_expressions_name_metrics_and_labels_that_there_are(expression: str) -> None:
    names = {family(name) for name in _NAME.findall(expression)}
    assert names
    known = set.intersection(*({*FAMILIES[name].labels} for name in names)) | _TARGETS
    grouped = {
        label.strip()
        for group in re.findall(r"\bby \(([^)]*)\)", expression)
        for label in group.split(",")
    }
    selected = {
        label
        for group in re.findall(r"{([^}]*)}", expression)
        for label in re.findall(r"(\w+)=", group)
    }
    counters = {name for name in names if FAMILIES[name].kind == "counter"}

    assert grouped | selected <= known
    for name in counters:
        assert re.search(rf"(rate|increase)\({name}", expression), f"{name} only ever grows"


@pytest.mark.parametrize(("expression", "legend"), [*panels()])
def test_legends_show_labels_that_are_left(expression: str, legend: str) -> None:
    (first, *_) = re.findall(r"\bby \(([^)]*)\)", expression) or [None]
    left = (
        {label.strip() for label in first.split(",")}
        if first is not None
        else {*FAMILIES[family(_NAME.findall(expression)[0])].labels}
    )

    assert {*re.findall(r"{{(\w+)}}", legend)} <= left


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    ids = [panel["id"] for panel in dashboard["panels"]]
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]

    assert len({*ids}) == len(ids)
    assert len({*places}) == len(places)
    assert all(panel["datasource"]["uid"] == "${source}" for panel in dashboard["panels"])
    used = {*re.findall(r"\$(\w+)", " ".join(expression for expression, _ in panels()))}
    assert used <= variables == {"source", "job"}


def test_prometheus_scrapes_where_a_program_listens() -> None:
    (local, pods) = document("prometheus.yml")["scrape_configs"]
    ours = document("collector.yaml")["receivers"]["prometheus"]["config"]["scrape_configs"]
    for config in (local, *ours):
        assert config["static_configs"] == [{"targets": [DEFAULT]}]
        assert "metrics_path" not in config  # /metrics
    assert document("prometheus.yml")["rule_files"] == ["rules.yml"]
    labels = {label for rule in pods["relabel_configs"] for label in rule["source_labels"]}
    template = (ROOT / "runtime" / "template" / "k8s" / "kubernetes.yaml").read_text("utf-8")
    for annotation in re.findall(r"prometheus\.io/\w+", template):
        assert f"__meta_kubernetes_pod_annotation_{re.sub(r'[./]', '_', annotation)}" in labels


def test_the_collector_receives_what_a_program_sends() -> None:
    collector = document("collector.yaml")
    (exported,) = re.findall(r"export (OTEL_\w+)=(\S+)", PAGE.read_text("utf-8"))
    settings = from_environment(dict([exported]), "shop")

    assert settings.export is not None
    endpoint = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert settings.export.url == f"http://{endpoint}/v1/traces"
    for pipeline in collector["service"]["pipelines"].values():
        for section in ("receivers", "processors", "exporters"):
            assert {*pipeline[section]} <= {*collector[section]}


@pytest.mark.parametrize(
    ("page", "command", "file"),
    [
        (PAGE, "config", "prometheus.yml"),
        (PAGE, "rules", "rules.yml"),
        (OPERATING, "rules", "alerts.yaml"),
    ],
)
def test_prometheus_takes_its_files(tmp_path: Path, page: Path, command: str, file: str) -> None:
    require("promtool", "prometheus", shutil.which("promtool") is not None)
    for name, text in files(page).items():
        if name.endswith((".yml", ".yaml")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")

    if command == "config":  # Debian's is built without what finds the pods of Kubernetes
        config = document(file)
        jobs = config["scrape_configs"]
        config["scrape_configs"] = [job for job in jobs if "kubernetes_sd_configs" not in job]
        assert config["scrape_configs"]
        (tmp_path / file).write_text(yaml.safe_dump(config), encoding="utf-8")

    words = ["promtool", "check", command, tmp_path / file]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_unit_is_one(tmp_path: Path) -> None:
    require("systemd-analyze", "systemd", shutil.which("systemd-analyze") is not None)
    unit = tmp_path / "shop.service"
    unit.write_text(files()["shop-elsewhere.service"], encoding="utf-8")

    command = ["systemd-analyze", "verify", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
