"""Exporter: sends traces to a collector, in a thread of its own that nobody waits for."""

from __future__ import annotations

import http.client
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from runtime.engines.management.traces.otlp import encode
from runtime.engines.management.traces.record import TraceRecord
from runtime.engines.management.traces.settings import Export
from runtime.engines.management.traces.traces import Traces
from runtime.loggers import logger

BATCH = 512
"""Spans of a request, unless one trace has more."""
INTERVAL = 5.0
"""Seconds after which fewer are sent too."""
MOST_WAITING = 8192
"""Spans that wait while the collector is away; later ones are dropped and counted."""
PATIENCE = 10.0
"""Seconds that the collector may take to answer."""
STOP = 2.0
"""Seconds that a stop waits at most for what is left."""
LONGEST_PAUSE = 60.0
_LATER = frozenset({429, 502, 503, 504})
"""Statuses after which the same may be sent again."""

log = logger("runtime.telemetry")


class Exporter:
    """Sends what `traces` records. It takes nothing from the application but memory."""

    def __init__(self, traces: Traces, export: Export) -> None:
        self.sent = 0
        self.dropped = 0
        """Spans that were sent, and that never will be."""
        self._traces = traces
        self._export = export
        self._waiting: deque[TraceRecord] = deque()
        self._spans = 0
        # Management's thread records as well, and neither is one of the application's.
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stop_by: float | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    def start(self) -> None:
        """Begin. Not before a fork, which leaves threads behind."""
        self._traces.exported = self.take
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """True if it will send no more."""
        return self._stop_by is not None and not self._thread.is_alive()

    def counts(self) -> dict[str, int]:
        """The spans that were `sent` and `dropped`."""
        return {"sent": self.sent, "dropped": self.dropped}

    def finish(self) -> None:
        """Have what is left sent, for two seconds at most, and end. Nobody waits for that."""
        self._stop_by = monotonic() + STOP
        self._news.set()

    def stop(self) -> None:
        """Send what is left, for two seconds at most."""
        self.finish()
        if self._thread.is_alive():
            self._thread.join(STOP)
        left = self._spans + self.dropped
        if left:
            log.warning("traces: %d spans were not sent to the collector", left)

    def take(self, trace: TraceRecord) -> None:
        """Have a trace sent, if there is room."""
        count = len(trace.spans)
        with self._lock:
            if self._spans + count > MOST_WAITING:
                self.dropped += count
                return
            self._spans += count
            self._waiting.append(trace)
        if self._spans >= BATCH and not self._failures:
            self._news.set()

    def _run(self) -> None:
        while self._stop_by is None:
            self._news.wait(min(INTERVAL * 2**self._failures, LONGEST_PAUSE))
            self._news.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        try:
            self._traces.fold()
            while self._waiting and self._send_batch():
                if self._stop_by is not None and monotonic() >= self._stop_by:
                    return
        except Exception:
            self._failures += 1
            log.exception("traces cannot be exported; please report it")

    def _send_batch(self) -> bool:
        """Send the oldest. False if the collector is to be asked again later."""
        batch: list[TraceRecord] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].spans) <= BATCH):
            batch.append(self._waiting.popleft())
            size += len(batch[-1].spans)
        fault, again = self._post(encode(batch, self._export.resource))
        if fault is None:
            self._done(size)
            self.sent += size
            if self._failures:
                log.info("the collector takes traces again; %d spans were dropped", self.dropped)
            self._failures = 0
            return True
        if again:
            self._waiting.extendleft(reversed(batch))
        else:
            self._done(size)
            self.dropped += size
        if not self._failures:  # told once, until it is well again
            log.warning("traces are not taken by the collector at %s: %s", self._place, fault)
        self._failures = min(self._failures + 1, 8)
        return False

    def _done(self, spans: int) -> None:
        with self._lock:
            self._spans -= spans

    def _post(self, body: bytes) -> tuple[str | None, bool]:
        """Send a request. Returns the fault, and whether it may pass."""
        parts = urlsplit(self._export.url)
        left = PATIENCE if self._stop_by is None else max(0.1, self._stop_by - monotonic())
        make = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = make(parts.hostname or "", parts.port, timeout=min(PATIENCE, left))
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        headers = {**self._export.headers, "Content-Type": "application/json"}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            with suppress(http.client.HTTPException):
                answer.read(65_536)
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__, True
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return None, False
        return f"it answers {answer.status} {answer.reason}", answer.status in _LATER

    @property
    def _place(self) -> str:
        parts = urlsplit(self._export.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
