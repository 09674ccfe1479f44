"""Migrations: the migrations of an application and their databases, without anything else of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.application.part import Part
from runtime.entry_id import EntryId
from runtime.linking.linker import LinkedManifest
from runtime.log.log import Log
from runtime.service import Stage

KIND = "db.migrations"


def migrations_of(linked: LinkedManifest) -> list[EntryId]:
    """The entries with migrations, in the order of the manifest."""
    return [id for id, link in linked.links.items() if link.kind.name == KIND]


@asynccontextmanager
async def open_migrations(linked: LinkedManifest, log: Log) -> AsyncIterator[dict[EntryId, Any]]:
    """Start the databases that have migrations, and give the components of the latter by id.

    Nothing else is built, and no handler imported. Raises StartError.
    """
    ids = migrations_of(linked)
    part = Part(linked, ids, log)
    part.build()
    async with part.open((Stage.RESOURCE,)):
        yield {id: part.components[id] for id in ids}
