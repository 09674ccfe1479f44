"""Plan: what a changed manifest, or changed code, makes of each entry of an application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from runtime.entry_id import EntryId
from runtime.supervision.transition import Transition


class Action(StrEnum):
    """A way of changing an entry."""

    KEEP = "keep"
    REVISE = "revise"
    """It goes on, changed: nothing of it stops."""
    REPLACE = "replace"
    """It stops, and another one starts."""
    START = "start"
    STOP = "stop"
    ADD = "add"
    """It is there from now on, and nothing of it runs."""
    REMOVE = "remove"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The change of one entry, and the reason for it."""

    id: EntryId
    kind: str
    action: Action
    why: str = ""
    """`addr`, `code in tasks.py`, `app:db`; empty for one that is new, gone or kept."""
    lost: str | None = None
    """The loss that it causes: `3 waiting messages`."""

    def line(self) -> str:
        """The change as one line shows it."""
        why = f" ({self.why})" if self.why else ""
        lost = f"; {self.lost} would be lost" if self.lost else ""
        return f"{self.action} {self.id}{why}{lost}"


class Plan(msgspec.Struct, frozen=True):
    """The changes of all entries, in the order of the new manifest, those that go last."""

    changes: tuple[Change, ...]

    @property
    def done(self) -> list[Change]:
        """The changes of entries that are not as before."""
        return [change for change in self.changes if change.action is not Action.KEEP]

    @property
    def kept(self) -> int:
        """The number of entries that stay as they are."""
        return len(self.changes) - len(self.done)

    @property
    def losses(self) -> list[Change]:
        """The changes by which something is lost."""
        return [change for change in self.changes if change.lost]

    def summary(self) -> str:
        """One line: `create_task, tasks; kept 14`."""
        names = [change.id.name for change in self.done]
        shown = ", ".join(names[:_MOST_SHOWN])
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        return f"{shown}{more}; kept {self.kept}" if names else f"nothing changed; kept {self.kept}"


def refused_for(losses: Iterable[tuple[object, object]]) -> str:
    """The reason why a change is refused by which something is lost: of each entry its id, and
    that.
    """
    lost = "; ".join(f"{what} of '{id}'" for id, what in losses)
    return f"this would lose {lost}; force it, or let them be done first"


_MOST_SHOWN = 6


def plan(changes: Mapping[EntryId, Change], gone: Iterable[Change], transition: Transition) -> Plan:
    """The plan of a draft. What it builds again counts as a replacement if it runs; if not, nobody
    sees more of it than of a revision.
    """
    present = (_present(change, transition) for change in changes.values())
    return Plan((*present, *(_gone(change, transition) for change in gone)))


def _present(change: Change, transition: Transition) -> Change:
    id, action = change.id, change.action
    if id in transition.arriving:
        if id not in transition.leaving:
            action = Action.START
        elif action is Action.KEEP:
            return msgspec.structs.replace(change, action=Action.START, why="it had failed")
    elif id in transition.leaving:
        action = Action.STOP
    elif action is Action.REPLACE:
        action = Action.REVISE
    return msgspec.structs.replace(change, action=action)


def _gone(change: Change, transition: Transition) -> Change:
    action = Action.STOP if change.id in transition.leaving else Action.REMOVE
    return msgspec.structs.replace(change, action=action)
