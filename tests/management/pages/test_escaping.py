"""Whatever is stored in whatever field: a page shows it, and runs none of it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from runtime.engines.management.letters import Excerpt, groups
from runtime.engines.management.logs import Wanted
from runtime.engines.management.pages import (
    dead_letters,
    entries,
    errors,
    log,
    messages,
    overview,
    publishing,
    queues,
    schedules,
    services,
    traces,
)
from runtime.engines.management.pages.flow import Flow
from runtime.engines.management.pages.progress import progresses
from runtime.engines.management.pages.publishing import Draft
from runtime.engines.management.pages.schedules import ScheduleStatus
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.requeueing import Requeueing
from tests.support import night, night_log, night_queue

EVIL = "\"'><script>evil()</script><img src=x onerror=evil() style=x>javascript:evil()&lt;"
KEPT = {
    "level",
    "last",
    "first",
    "name",
    "state",
    "tone",
    "group",
    "what",
    "kind",
    "how",
    "since",
    "started",
    "died",
    "by",
    "status",
}
"""Fields whose values are ours, or decide what is drawn."""
PLAN = ScheduleStatus("app:nightly", "30 2 * * *", "app:tasks", (night.iso(night.NOW + 60),))


def poisoned(value: Any, field: str = "") -> Any:
    """The value with every text in it replaced, but ids, which keep what belongs together."""
    if isinstance(value, str):
        return value if field in KEPT else f"{value}{EVIL}"
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return msgspec.structs.replace(
            value, **{name: poisoned(getattr(value, name), name) for name in names}
        )
    if isinstance(value, tuple | list):
        return type(value)(poisoned(each, field) for each in value)
    if isinstance(value, dict):
        return {poisoned(key): poisoned(each) for key, each in value.items()}
    return value


class Found(HTMLParser):
    """The elements of a page that could run something, and the texts that it shows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag in ("img", "iframe", "object", "style", "base"):
            self.faults.append(tag)
        if tag == "script" and not str(values.get("src")).startswith("/assets/"):
            self.faults.append(str(values))
        for name, value in attributes:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action") and not str(value).startswith(("/", "#")):
                self.faults.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def sight() -> Sight:
    plain = night.sight(may_act=True)
    return msgspec.structs.replace(
        plain,
        snapshot=poisoned(plain.snapshot),
        catalog=poisoned(plain.catalog),
        right=poisoned(plain.right),
    )


HELD = {state: poisoned(page) for state, page in night_queue.MESSAGES.items()}


def dead(evil: Sight) -> str:
    found = groups(poisoned(night.LETTERS))
    source = Excerpt(20, (EVIL, EVIL, EVIL), changed=True)
    return dead_letters.render(evil, found, found[0], found[0].newest, source, is_traced=True)


PAGES: dict[str, Callable[[Sight], str]] = {
    "overview": lambda evil: overview.render(evil, Flow(), EVIL),
    "queues": lambda evil: queues.render_all(evil, EVIL),
    "queue": lambda evil: queues.render_one(evil, evil.snapshot.queues[0]),
    "services": lambda evil: services.render_all(evil, EVIL),
    "service": lambda evil: services.render_one(evil, evil.snapshot.services[4]),
    "entries": lambda evil: entries.render_all(evil, EVIL),
    "entry": lambda evil: entries.render_one(evil, [*evil.catalog.entries.values()][2]),
    "dead": dead,
    "payload": lambda evil: messages.render_payload(evil, EVIL, EVIL, EVIL, 5),
    "messages": lambda evil: messages.render_all(
        evil, evil.snapshot.queues[0], "ready", poisoned(night_queue.READY), EVIL, ""
    ),
    "first messages": lambda evil: queues.render_one(
        evil,
        evil.snapshot.queues[0],
        messages.first(evil, evil.snapshot.queues[0], HELD),
        published=EVIL,
    ),
    "message": lambda evil: messages.render_one(
        evil, EVIL, poisoned(night_queue.TOLD), is_traced=True
    ),
    "publish": lambda evil: publishing.render(evil, EVIL, Draft(*[EVIL] * 5), "body", EVIL),
    "schedules": lambda evil: schedules.render(evil, [poisoned(PLAN)]),
    "traces": lambda evil: traces.render_all(evil, poisoned(night.TRACES), "", EVIL),
    "trace": lambda evil: traces.render_one(evil, poisoned(night.TRACE)),
    "progress": lambda evil: progresses(
        replace(
            evil,
            requeues=(Requeueing(EVIL, EVIL, "", night.iso(night.NOW), 1, 1, 3, "failed", EVIL),),
        )
    ),
    "log": lambda evil: log.render(evil, poisoned(night_log.LINES), Wanted((EVIL,)), EVIL),
    "beside": lambda evil: services.render_one(
        evil,
        evil.snapshot.services[4],
        log.beside(evil, poisoned(night_log.LINES), Wanted((EVIL,)), "/services/x"),
        log.stream(Wanted((EVIL,)), poisoned(night_log.LINES)),
    ),
    "errors": lambda evil: errors.render(evil, poisoned(night.ERRORS), EVIL),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_was_stored_and_runs_none_of_it(name: str) -> None:
    found = Found(PAGES[name](sight()))

    assert found.faults == []
    assert any("<script>evil()</script>" in text for text in found.texts)
