"""Outlook: the manifest and the folder of an application, for its pages."""

from __future__ import annotations

from runtime.application.application import Application
from runtime.application.catalog import catalog
from runtime.clock import REAL
from runtime.engines.management.catalog import Catalog
from runtime.engines.management.outlook import Outlook
from runtime.linking.linker import LinkedManifest


def outlook(application: Application) -> Outlook:
    """The outlook of an application, whose catalog is made anew once its manifest has changed."""
    known: list[tuple[LinkedManifest, Catalog]] = []

    def current() -> Catalog:
        linked = application.linked
        if not known or known[0][0] is not linked:
            known[:] = [(linked, catalog(linked))]
        return known[0][1]

    return Outlook(current, application.linked.manifest.folder, application.scope.clock)


def outlook_of(linked: LinkedManifest) -> Outlook:
    """The outlook of an application that runs in other processes."""
    known = catalog(linked)
    return Outlook(lambda: known, linked.manifest.folder, REAL)
