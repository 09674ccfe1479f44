"""Kinds from other packages: the worked example of the documentation, installed and run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.blackbox import ROOT, execute
from tests.support.doc_examples import steps
from tests.support.program import running

PAGE = ROOT / "docs" / "adding-a-kind.md"


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a program that has the documentation's package installed."""
    site = tmp_path / "site"
    for step in steps(PAGE):
        if step.action == "file":
            root = tmp_path if step.argument.startswith("ticking") else site
            file = root / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
    package = site / "acme_timer-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-timer\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[runtime.kinds]\nacme.timer = acme_timer:kind\n")
    return {**os.environ, "PYTHONPATH": str(site)}


def test_a_kind_from_outside_is_listed_explained_and_in_the_editors_schema(
    installed: Mapping[str, str],
) -> None:
    assert "acme.timer" in execute("kinds", env=installed).out
    assert "| `every` | duration | required |" in execute("kinds", "acme.timer", env=installed).out
    assert '"const": "acme.timer"' in execute("schema", env=installed).out


def test_a_manifest_may_use_it_and_is_checked_by_its_schema(
    installed: Mapping[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "ticking" / "src" / "_index.yaml"

    assert execute("validate", str(tmp_path / "ticking"), env=installed).code == 0
    without = execute("validate", str(tmp_path / "ticking"))
    manifest.write_text(manifest.read_text().replace("every: 50ms", "evry: soon"))
    wrong = execute("validate", str(tmp_path / "ticking"), env=installed)

    assert "unknown kind 'acme.timer'" in without.out
    assert "unknown field 'evry'; did you mean 'every'?" in wrong.out


def test_it_runs_under_the_supervisor(installed: Mapping[str, str], tmp_path: Path) -> None:
    with running(tmp_path / "ticking", env=dict(installed)) as program:
        program.wait_for(lambda line: line.get("fields") == {"number": 3})

        assert program.stop() == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('broken')", "cannot be loaded: RuntimeError: broken"),
        ("kind = 3", "acme.timer"),
        (
            "from runtime.kind import Kind\nkind = Kind('acme.timer', int, int)",
            "brings no schema",
        ),
    ],
    ids=["raises", "no kind", "no schema"],
)
def test_a_broken_kind_is_a_finding(
    code: str, said: str, installed: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "site" / "acme_timer" / "__init__.py").write_text(code)

    ended = execute("validate", str(tmp_path / "ticking"), env=installed)

    assert ended.code == 3
    assert said in ended.out
    assert "Traceback" not in ended.out + ended.err
