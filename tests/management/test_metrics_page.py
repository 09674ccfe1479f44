"""The page of metrics lists those that there are."""

from __future__ import annotations

from runtime.engines.management.metrics.family import FAMILIES
from tests.support.doc_tables import code, rows


def test_every_metric_has_its_row() -> None:
    told = {
        code(name)[0]: (kind, tuple(code(labels)), meaning)
        for name, kind, labels, meaning in rows("docs/management.md", "Metric")
    }

    assert told == {
        name: (family.kind, family.labels, family.help) for name, family in FAMILIES.items()
    }
