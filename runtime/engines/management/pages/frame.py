"""Frame: what all pages have around their content: navigation, title, the state of the stream."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from runtime.engines.management.pages import words
from runtime.engines.management.pages.assets import assets
from runtime.engines.management.pages.markup import e, icon
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.pages.symbols import LOGO, symbols


class Item(Struct, frozen=True):
    """One page of the navigation; `key` is pressed after `g`."""

    name: str
    address: str
    sign: str
    label: str
    key: str
    in_tabs: bool = True


_NAVIGATION: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "Watch",
        (
            Item("overview", "/", "home", "Overview", "o"),
            Item("traces", "/traces", "trace", "Traces", "t"),
            Item("errors", "/errors", "error", "Errors", "e"),
            Item("log", "/log", "log", "Log", "l", in_tabs=False),
        ),
    ),
    (
        "Work",
        (
            Item("queues", "/queues", "queue", "Queues", "q"),
            Item("dead", "/dead", "dead", "Dead letters", "d"),
            Item("schedules", "/schedules", "clock", "Schedules", "c", in_tabs=False),
        ),
    ),
    (
        "Parts",
        (
            Item("services", "/services", "service", "Services", "s"),
            Item("entries", "/entries", "entry", "Entries", "n", in_tabs=False),
        ),
    ),
)


def section(path: str) -> Item | None:
    """The page to which an address belongs; None for the overview and for what is nowhere."""
    address = f"/{path.split('/')[1]}"
    items = (item for _, items in _NAVIGATION for item in items if item.address != "/")
    return next((item for item in items if item.address == address), None)


def frame(
    name: str,
    title: str,
    sight: Sight,
    body: str,
    *,
    head: str = "",
    side: str = "",
    stream: str = "/events",
) -> str:
    """A whole page. `head` stands in place of the title, `side` at its end; both are HTML. `stream`
    is the address of its events.
    """
    snapshot = sight.snapshot
    files = assets()
    rail = "".join(
        f"<h2>{group}</h2><ul>"
        + "".join(f"<li>{_link(item, name, sight)}</li>" for item in items)
        + "</ul>"
        for group, items in _NAVIGATION
    )
    items = [item for _, items in _NAVIGATION for item in items]
    tabs = "".join(_link(item, name, sight, in_tabs=True) for item in items if item.in_tabs)
    also = "".join(
        f'<a class="link" href="{item.address}">{item.label}</a>'
        for item in items
        if not item.in_tabs
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>{e(title)} · {e(snapshot.app)}</title>
<link rel="icon" href="{files["icon.svg"].address}">
<link rel="stylesheet" href="{files["dashboard.css"].address}">
<script src="{files["dashboard.js"].address}"></script>
</head>
<body data-stream="{e(stream)}">
{symbols()}
<a class="skip" href="#main">Skip to the content</a>
<div class="frame">
<nav class="rail" aria-label="Pages">
<a class="brand" href="/">{LOGO}
<span>{e(snapshot.app)}<small>{e(sight.catalog.folder).replace("/", "/<wbr>")}</small></span></a>
{rail}
<div class="foot">{"".join(_foot(sight))}</div>
</nav>
<main id="main">
<div class="top"><h1>{head or e(title)}</h1><div class="side">{side}{_pulse(sight)}
<button class="btn quiet" type="button" data-do="theme" aria-label="Light or dark" hidden>
{icon("theme")}</button></div></div>
{body}
<nav class="also narrow" aria-label="More pages">{also}</nav>
</main>
</div>
<nav class="tabs" aria-label="Pages, below">{tabs}</nav>
</body>
</html>
"""


def bare(title: str, body: str) -> str:
    """A page without navigation, for those who may not read yet."""
    files = assets()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{e(title)}</title>
<link rel="icon" href="{files["icon.svg"].address}">
<link rel="stylesheet" href="{files["dashboard.css"].address}">
<script src="{files["dashboard.js"].address}"></script>
</head>
<body>
{symbols()}
<main id="main" class="bare">{body}</main>
</body>
</html>
"""


def _link(item: Item, page: str, sight: Sight, *, in_tabs: bool = False) -> str:
    here = ' aria-current="page"' if item.name == page else ""
    count = _count(item, sight)
    number = (
        f'<span class="count bad"><span data-live="count {item.name}">{count}</span>'
        '<span class="sr"> new</span></span>'
        if count
        else ""
    )
    if in_tabs:
        label = item.label.partition(" ")[0]
        return f'<a href="{item.address}"{here}>{icon(item.sign)}<span>{label}</span>{number}</a>'
    return (
        f'<a class="go" href="{item.address}" data-key="{item.key}" title="g {item.key}"{here}>'
        f"{icon(item.sign)}{item.label}{number}</a>"
    )


def _count(item: Item, sight: Sight) -> str:
    """The number beside a page's name, if there is something to look at."""
    if item.name == "errors" and sight.failures:
        return words.count(sight.failures)
    if item.name == "dead":
        dead = sum(queue.dead or 0 for queue in sight.snapshot.queues)
        return words.count(dead) if dead else ""
    return ""


def _pulse(sight: Sight) -> str:
    age = words.duration(sight.snapshot.age)
    state = "lost" if sight.snapshot.blocked or sight.snapshot.age > 2 else "live"
    # The script says that it is live.
    said = f"as of {words.moment(sight.now, sight.now)}" if state == "live" else "no answer"
    return (
        f'<span class="pulse" data-state="{state}" title="The event loop answered {age} ago">'
        f'<i></i><span class="wide" data-live="stream">{said}</span></span>'
    )


def _foot(sight: Sight) -> Iterator[str]:
    snapshot, right = sight.snapshot, sight.right
    if right.may_act:
        yield f"<b>{icon('ok')}You may act</b>"
        if right.signed_in:
            yield "<span>signed in for 12 hours</span>"
    else:
        yield f"<b>{icon('lock')}Read-only</b>"
        told = e(right.why)
        yield (
            f'<a class="link" href="/login">{told}</a>'
            if right.can_sign_in
            else f"<span>{told}</span>"
        )
    memory = sum(worker.rss for worker in snapshot.workers)
    up = words.since(snapshot.started, sight.now)
    told = f"up {up} · {words.size(memory)}" if memory else f"up {up}"
    yield f'<span class="num" data-live="up">{told}</span>'
    yield f"<span>runtime {e(snapshot.version)}</span>"
