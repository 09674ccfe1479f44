"""Good manifests, for tests that break them, and what is found once they are broken."""

from __future__ import annotations

from pathlib import Path

from runtime.findings.finding import Level, ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import APPS, EXAMPLE, ROOT

GOOD = {
    "task-queue": (EXAMPLE / "src" / "_index.yaml").read_text(encoding="utf-8"),
    "template": (ROOT / "runtime/template/application/src/_index.yaml").read_text(encoding="utf-8"),
    **{
        path.parent.name if path.stem == "_index" else path.stem: path.read_text(encoding="utf-8")
        for path in [
            *sorted(APPS.glob("*/_index.yaml")),
            *sorted((ROOT / "tests" / "support" / "manifests" / "good").glob("*.yaml")),
        ]
    },
}

registry = Registry()


def check(folder: Path) -> list[str]:
    """The findings of a folder; any other error is raised, and fails the test."""
    try:
        link(read(folder, environment={}), registry)
    except ManifestError as error:
        return [str(each) for each in error.findings if each.level is Level.ERROR]
    return []


def write(folder: Path, text: str | bytes) -> Path:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / "_index.yaml").write_bytes(data)
    return folder
