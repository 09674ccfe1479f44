"""Counting: adds up what the components of an application note of their work."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from runtime.application.application import Application
from runtime.application.roles import consumer_of
from runtime.application.service_counts import takes_of_services
from runtime.engines.management.metrics.family import Metrics
from runtime.engines.management.metrics.registry import Histogram, Registry
from runtime.engines.management.metrics.window import Window, quantile, rate
from runtime.engines.management.snapshot import EndpointStatus
from runtime.engines.queue.tally import QueueTally, Tally
from runtime.entry_id import EntryId

if TYPE_CHECKING:
    from runtime.engines.web.routes import Route
    from runtime.engines.web.traffic import Traffic

_REQUESTS = "runtime_http_requests_total"
_DURATION = "runtime_http_request_duration_seconds"
_LAG = "runtime_loop_lag_seconds"
UNMATCHED = "unmatched"
"""The route of requests that none matches: their paths are of anybody's choice."""
_FAILED = 500
_LAGS = 4
"""Delays of the loop that are counted at a time: else a program that is idle would make a new copy
of its metrics for each.
"""
_MINUTE, _MINUTES = 60.0, 15
_ENDED = ("ack", "requeue", "rejected", "attempts", "crashed", "invalid")
"""Outcomes after which a queue has the message no more."""


class Counting:
    """Called on the loop after each snapshot; what `read` returns may go to other threads."""

    def __init__(self, application: Application, blocks: Callable[[], Mapping[str, int]]) -> None:
        """`blocks` tells how often each entry has kept the event loop for a second."""
        self._application = application
        self._blocks = blocks
        self._blocked: Counter[str] = Counter()
        self.exported: Callable[[], Mapping[str, int]] = dict
        """Tells, by the result, how many spans were exported."""
        self._exported: Counter[str] = Counter()
        self._registry = Registry()
        self._read: Metrics = {}
        self._components: Mapping[EntryId, Any] = {}
        self._takes: list[Callable[[], None]] = []
        self._endpoints: dict[tuple[str, str, str], _Endpoint] = {}
        self._ended: Counter[str] = Counter()
        """By queue, the messages that it has no more."""
        self._flows: dict[str, Window] = {}
        self._published: Counter[str] = Counter()
        self._registry.histogram(_LAG, ())
        self._lags: list[float] = []

    def read(self) -> Metrics:
        """The counters and histograms, as of the last pulse; delays of the loop are up to a second
        behind.
        """
        return self._read

    def count(self, lag: float) -> None:
        """Take what the components have noted."""
        self._lags.append(lag)
        if len(self._lags) == _LAGS:
            self._registry.histogram(_LAG, ()).observe(self._lags)
            self._lags.clear()
        self._count_up("runtime_loop_blocked_total", self._blocks(), self._blocked)
        self._count_up("runtime_spans_exported_total", self.exported(), self._exported)
        for take in self._sources():
            take()
        self._read = self._registry.read()

    def _count_up(self, name: str, now: Mapping[str, int], before: Counter[str]) -> None:
        """Add what has been counted elsewhere since `before`, by the one label of a counter."""
        for label, number in dict(now).items():
            if more := number - before[label]:
                before[label] = number
                self._registry.add(name, (label,), more)

    def _sources(self) -> list[Callable[[], None]]:
        """Functions that take the counts of a component; anew if the application has changed."""
        components = self._application.scope.components
        if components is not self._components:
            self._components = components
            self._takes = [
                take for id, each in components.items() for take in self._takes_of(id, each)
            ]
        return self._takes

    def _takes_of(self, id: EntryId, component: Any) -> Iterator[Callable[[], None]]:
        yield from takes_of_services(str(id), component, self._registry)
        consumer = consumer_of(component)
        tally = getattr(consumer, "tally", None)
        if isinstance(tally, Tally):
            yield partial(self._count_messages, id, consumer, tally)
            if consumer.queue.tally is not None:  # a subscriber's queue is no component
                yield partial(self._count_published, consumer.queue.id, consumer.queue.tally)
        elif isinstance(tally, QueueTally):
            yield partial(self._count_published, component.id, tally)
        elif getattr(component, "traffic", None) is not None:
            yield partial(self._count_requests, str(id), component.traffic)

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Their traffic of the last minute."""
        now = monotonic()
        return tuple(each.status(now) for each in self._endpoints.values() if each.name)

    def rates(self, queue: str) -> tuple[float, float]:
        """Messages a second that went into a queue and that left it, over the last minute."""
        window = self._flows.setdefault(queue, Window())
        now = monotonic()
        seconds, (came, left) = window.mark(now, (self._published[queue], self._ended[queue]))
        return rate(seconds, came), rate(seconds, left)

    def _count_requests(self, server: str, traffic: Traffic) -> None:
        if not traffic.ended:
            return
        for (route, status), durations in traffic.take().items():
            key = (server, route.path or UNMATCHED, route.method)
            histogram = self._registry.histogram(_DURATION, key)
            histogram.observe(durations)
            self._registry.add(_REQUESTS, (*key, str(status)), len(durations))
            if key not in self._endpoints:
                self._endpoints[key] = _Endpoint(_entry_of(route), key, histogram)
            self._endpoints[key].count(status, len(durations))

    def _count_messages(self, id: EntryId, consumer: Any, tally: Tally) -> None:
        if not (tally.acked or tally.others or tally.outcomes or tally.waits):
            return
        acked, others, outcomes, waits = tally.take()
        queue = consumer.queue.id
        duration = self._registry.histogram("runtime_handler_duration_seconds", (str(id), "queue"))
        duration.observe(chain(acked, others))
        outcomes["ack"] += len(acked)
        for outcome, number in outcomes.items():
            if number:
                labels = (str(id), queue, outcome)
                self._registry.add("runtime_messages_total", labels, number)
        self._ended[queue] += sum(outcomes[each] for each in _ENDED)
        offset = monotonic() - time()
        waited = self._registry.histogram("runtime_message_wait_seconds", (queue,))
        waited.observe([late if (late := -each - offset) > 0.0 else 0.0 for each in waits])

    def _count_published(self, queue: str, tally: QueueTally) -> None:
        published, refused = tally.take()
        if published:
            self._published[queue] += published
            self._registry.add("runtime_queue_published_total", (queue,), published)
        for reason, number in refused.items():
            self._registry.add("runtime_queue_refused_total", (queue, reason), number)


def _entry_of(route: Route) -> str:
    """The entry of a route; empty for the one of requests that none matches."""
    if not route.path:
        return ""
    return str(route.operation.entry) if route.operation is not None else route.name


class _Endpoint:
    """One route: its requests of the last minute, and its failures of the last quarter hour."""

    def __init__(self, name: str, labels: tuple[str, str, str], duration: Histogram) -> None:
        self.name = name
        self._route = f"{labels[2]} {labels[1]}"
        self._duration = duration
        self._window = Window()
        # From none on: its first requests are what it is made for.
        self._window.mark(monotonic(), [0] * len(duration.counts))
        self._failed: deque[int] = deque([0], maxlen=_MINUTES)
        self._minute_ends = monotonic() + _MINUTE

    def count(self, status: int, requests: int) -> None:
        if status >= _FAILED:
            self._failed[-1] += requests

    def status(self, now: float) -> EndpointStatus:
        while now >= self._minute_ends:
            self._failed.append(0)
            self._minute_ends += _MINUTE
        seconds, growth = self._window.mark(now, self._duration.counts)
        bounds = self._duration.bounds
        return EndpointStatus(
            id=self.name,
            route=self._route,
            rate=rate(seconds, sum(growth)),
            p50=quantile(bounds, growth, 0.5),
            p95=quantile(bounds, growth, 0.95),
            failed_15m=sum(self._failed),
        )
