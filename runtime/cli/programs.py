"""Programs: those that run an application at this moment, found by their sockets."""

from __future__ import annotations

from pathlib import Path

from runtime.engines.management.client import Client
from runtime.engines.management.sockets import find_programs, is_alive
from runtime.manifest.search import application_around


def running_programs(folder: Path, timeout: float) -> dict[int, Client]:
    """A client for each program that runs the application in or around that folder, by process."""
    for place in (folder, application_around(folder)):
        if place is not None:
            found = find_programs(place)
            alive = {pid: Client(path, timeout) for pid, path in found.items() if is_alive(path)}
            if alive:
                return alive
    return {}
