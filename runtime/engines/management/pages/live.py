"""Live: the texts of the pages that change while they are open, by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.engines.management.graph import Node
from runtime.engines.management.pages import words
from runtime.engines.management.pages.card import card_of
from runtime.engines.management.pages.progress import progress
from runtime.engines.management.pages.queues import waiting
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.tiles import tiles


def texts(sight: Sight, nodes: Mapping[str, Node]) -> dict[str, str]:
    """All of them, also those of the graph's nodes; a page uses those that it has."""
    snapshot = sight.snapshot
    found = {
        "verdict": snapshot.verdict.say,
        "up": f"up {words.since(snapshot.started, sight.now)}",
        "count dead": words.count(sum(queue.dead or 0 for queue in snapshot.queues)),
    }
    for tile in tiles(sight):
        found[tile.id] = tile.value
        found[f"{tile.id} unit"] = tile.unit
        found[f"{tile.id} note"] = tile.note
    for queue in snapshot.queues:
        found[f"waiting {queue.id}"] = waiting(queue)
        found[f"ready {queue.id}"] = words.count(queue.ready, capped=queue.capped)
        found[f"delayed {queue.id}"] = words.count(queue.delayed)
        found[f"running {queue.id}"] = words.count(queue.running)
        found[f"dead {queue.id}"] = words.count(queue.dead)
    for each in sight.requeues:
        found[f"requeue {each.queue}"] = progress(each)
    for node in nodes.values():
        card = card_of(node, sight)
        found[f"card {node.id}"], found[f"unit {node.id}"] = card.value, card.unit
    return found
