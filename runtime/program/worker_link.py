"""WorkerLink: what the parent knows of a worker by its channel, and what it asks it for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime.engines.management.metrics.family import Metrics
from runtime.engines.management.metrics.registry import Registry
from runtime.engines.management.operation import LIMIT, PATIENCE, LoopBlocked, Refused
from runtime.engines.management.report import Report
from runtime.engines.management.snapshot import Blocked, Snapshot

_decode = msgspec.json.Decoder(Report).decode


class WorkerLink:
    """Belongs to the parent's loop; `snapshot` and `metrics` are for any thread."""

    def __init__(self) -> None:
        self.pid = 0
        """The process that is connected; 0 for none."""
        self.counted: Metrics = {}
        """The counts of the processes of this worker that have ended."""
        self.on_traces: Callable[[bytes], None] | None = None
        """Called with the traces and errors that the worker tells of."""
        self._counted = Registry()
        self._report: tuple[Report, float] | None = None
        self._blocked: Blocked | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._began: dict[int, asyncio.Future[None]] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}

    def open(self, writer: asyncio.StreamWriter, pid: int) -> None:
        self._writer, self.pid = writer, pid

    def close(self) -> None:
        """The process has ended: what it counted stays."""
        if self._report is not None:
            self._counted.merge(self._report[0].metrics)
            self.counted = self._counted.read()
        self._writer, self._report, self._blocked, self.pid = None, None, None, 0
        for waiting in (*self._began.values(), *self._answers.values()):
            if not waiting.done():
                waiting.set_exception(Refused(503, "the worker has ended"))

    def hear(self, word: str, text: str) -> None:
        """Take a line of the worker."""
        match word:
            case "pulse":
                self._report = _decode(text), monotonic()
            case "traces":
                if self.on_traces is not None:
                    self.on_traces(text.encode())
            case "blocked":
                self._blocked = msgspec.json.decode(text, type=Blocked | None)
            case "began":
                if (began := self._began.get(int(text))) and not began.done():
                    began.set_result(None)
            case "answer":
                number, status, result = msgspec.json.decode(text)
                if (answer := self._answers.get(number)) and not answer.done():
                    if status == 200:
                        answer.set_result(result)
                    else:
                        answer.set_exception(Refused(status, result))

    def snapshot(self) -> Snapshot | None:
        """The last one, with its age; None before the first."""
        if (last := self._report) is None:
            return None
        report, at = last
        age = round(monotonic() - at + report.snapshot.age, 3)
        return replace(report.snapshot, age=age, blocked=self._blocked)

    def metrics(self) -> Metrics:
        last = self._report
        return {} if last is None else last[0].metrics

    async def ask(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Raises LoopBlocked and Refused."""
        if self._writer is None:
            raise Refused(503, "the worker is not there")
        number, loop = next(self._numbers), asyncio.get_running_loop()
        began = self._began[number] = loop.create_future()
        answer = self._answers[number] = loop.create_future()
        try:
            self._writer.write(msgspec.json.encode([number, operation, arguments]) + b"\n")
            await asyncio.wait([began, answer], timeout=PATIENCE, return_when="FIRST_COMPLETED")
            if not began.done() and not answer.done():
                known = self.snapshot()
                raise LoopBlocked(self._blocked or Blocked(known.age if known else PATIENCE))
            await asyncio.wait([answer], timeout=LIMIT)
            if not answer.done():
                raise Refused(504, f"'{operation}' is not done after {LIMIT:g} s, and goes on")
            return answer.result()
        finally:
            del self._began[number], self._answers[number]
            for each in (began, answer):
                if each.done() and not each.cancelled():
                    each.exception()
