"""Needs: what waits for somebody, the worst first, and hints that compute."""

from __future__ import annotations

from runtime.engines.management.hint import Hint, hint
from runtime.engines.management.pages import words
from runtime.engines.management.pages.markup import badge, chip, e, empty, panel, path, query
from runtime.engines.management.pages.sight import Sight
from runtime.engines.management.snapshot import Cause
from runtime.units import format_count

_MOST = 8
"""Causes that are told."""


def needs(sight: Sight) -> str:
    causes = sight.snapshot.verdict.because[:_MOST]
    rows = [_cause(cause) for cause in causes if cause.what != "starting"]
    rows += [_hint(each) for each in hints(sight)]
    inner = (
        f'<ul class="list">{"".join(rows)}</ul>'
        if rows
        else empty("Nothing. What fails, fills up or stands still is told here.")
    )
    return panel(
        "Needs you", inner, side='<a class="link" href="/errors">All errors</a>', body=False
    )


_GROUPS = {
    "dead": "queue",
    "backlog": "queue",
    "full": "queue",
    "paused": "queue",
    "requests": "http",
}


def _cause(cause: Cause) -> str:
    title, sub, address, said, tone = _cause_words(cause)
    return (
        f'<li><a class="row" href="{address}">{badge(_GROUPS.get(cause.what, "work"))}<div>'
        f'<p class="t">{e(title)}</p><p class="sub">{e(sub)}</p></div>'
        f'<span class="end">{chip(said, tone)}</span></a></li>'
    )


def _cause_words(cause: Cause) -> tuple[str, str, str, str, str]:
    """Title, explanation, address, the chip's text and its tone."""
    entry, count = cause.entry or "", cause.count
    match cause.what:
        case "dead":
            title = (cause.cause or f"Messages of {entry} died").replace("@", " at ")
            sub = f"{format_count(count, 'message')} of {entry} gave up"
            return title, sub, query("/dead", queue=entry), f"{count:,} dead", "bad"
        case "reload":
            title = cause.cause or "The last reload was refused"
            sub = f"the last reload was refused for {format_count(count, 'finding')}"
            return title, sub, "/entries", "refused", "warn"
        case "requests":
            sub = "answered with a status of 500 or above in the last 15 minutes"
            return f"{entry} failed", sub, path("entries", entry), f"{count:,} failed", "warn"
        case "full":
            sub = (
                f"it holds {count:,} messages, as many as max_length allows: publishers are refused"
            )
            return f"{entry} is full", sub, path("queues", entry), "full", "bad"
        case "paused":
            sub = f"{format_count(count, 'message')} wait until it is resumed"
            return f"{entry} is paused", sub, path("queues", entry), "paused", "warn"
        case "backlog":
            sub = f"{format_count(count, 'message')} wait"
            return f"{entry} has a backlog", sub, path("queues", entry), "backlog", "warn"
        case "blocked":
            sub = "a call that does not await keeps everything else waiting; make it a plain def"
            where = f"{entry} {cause.cause or ''}".strip()
            return f"The event loop is blocked {where}", sub, "/errors", "blocked", "bad"
        case "unreachable":
            return (
                f"{entry} is cut off",
                cause.cause or "",
                path("services", entry),
                "unreachable",
                "bad",
            )
        case "rejecting":
            return (
                f"{entry} has rejected writes",
                cause.cause or "",
                path("services", entry),
                "rejecting",
                "bad",
            )
        case "silent":
            sub = "it runs, and takes no messages"
            return f"{entry} does not ask its queue", sub, path("services", entry), "silent", "bad"
    return f"{entry} has failed", cause.cause or "", path("services", entry), cause.what, "bad"


def hints(sight: Sight) -> list[Hint]:
    """The hints on all consumers."""
    queues = {queue.id: queue for queue in sight.snapshot.queues}
    found = []
    for service in sight.snapshot.services:
        queue = queues.get(sight.catalog.target(service.id, "queue") or service.id)
        if queue is not None and service.workers is not None:
            told = hint(queue, service.id, service.workers.of, sight.history, sight.lanes)
            found += [told] if told else []
    return found


def _hint(told: Hint) -> str:
    sub = (
        f"{words.rate(told.peak)}/s came, {words.rate(told.capacity)}/s is what {told.concurrency} "
        f"workers of {words.duration(told.mean)} can do. "
    )
    return (
        f'<li><a class="row" href="{path("queues", told.queue)}">{badge("work")}<div>'
        f'<p class="t">{e(told.queue)} gets more than its workers can do</p>'
        f'<p class="sub">{e(sub)}<span class="mono">concurrency: {told.wanted}</span> would have '
        f'kept up.</p></div><span class="end">{chip("hint", "accent")}</span></a></li>'
    )
