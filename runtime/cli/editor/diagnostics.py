"""Diagnostics: the findings of applications, published to the editor while their files change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from runtime.cli.editor.places import Places
from runtime.cli.editor.workplace import Application, Workplace
from runtime.findings.finding import Finding, Level

_REST = 0.15
"""Seconds without a key pressed before an application is examined."""

_SEVERITY = {
    Level.ERROR: lsp.DiagnosticSeverity.Error,
    Level.NOTE: lsp.DiagnosticSeverity.Information,
}


class Diagnostics:
    """Examines one application at a time, in a thread, so that questions are answered meanwhile."""

    def __init__(self, server: LanguageServer, workplace: Workplace, places: Places) -> None:
        self._server = server
        self._workplace = workplace
        self._places = places
        self._timers: dict[Application, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._published: dict[Application, set[str]] = {}

    def refresh(self, application: Application, *, at_once: bool) -> None:
        """Examine an application, once nothing more is typed unless `at_once`."""
        if timer := self._timers.pop(application, None):
            timer.cancel()
        loop = asyncio.get_running_loop()
        rest = 0 if at_once else _REST
        self._timers[application] = loop.call_later(rest, self._begin, application)

    async def examine(self, application: Application) -> None:
        """Examine an application as the editor has it now, and publish what was found."""
        async with self._one_at_a_time:
            unsaved = dict(self._workplace.unsaved)
            findings = await asyncio.to_thread(application.examine, unsaved)
            self._publish(application, findings)

    def _begin(self, application: Application) -> None:
        self._timers.pop(application, None)
        task = asyncio.create_task(self._examine(application))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _examine(self, application: Application) -> None:
        try:
            await self.examine(application)
        except Exception as error:  # a kind of another package may fail in any way
            text = f"{application.folder} cannot be checked: {type(error).__name__}: {error}"
            message = lsp.LogMessageParams(lsp.MessageType.Error, text)
            self._server.window_log_message(message)

    def _publish(self, application: Application, findings: Sequence[Finding]) -> None:
        found: dict[str, list[lsp.Diagnostic]] = {}
        for finding in findings:
            uri = self._places.uri(finding.position.file)
            found.setdefault(uri, []).append(self._diagnostic(finding))
        mended = self._published.get(application, set()) - found.keys()
        self._published[application] = {*found}
        for uri in (*found, *mended):
            params = lsp.PublishDiagnosticsParams(uri, found.get(uri, []))
            self._server.text_document_publish_diagnostics(params)

    def _diagnostic(self, finding: Finding) -> lsp.Diagnostic:
        tail = f"; {finding.hint}" if finding.hint else ""
        return lsp.Diagnostic(
            range=self._places.range(finding.position),
            message=finding.message + tail,
            severity=_SEVERITY[finding.level],
            source="runtime",
        )
