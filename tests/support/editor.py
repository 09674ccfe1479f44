"""Editor: a real client of the Language Server Protocol, with the real program at its other end."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

from lsprotocol import types as lsp
from pygls.io_ import run_async
from pygls.lsp.client import LanguageClient

SOON = 60.0


class Editor:
    """Opens manifests, types into them, and keeps what was published of each file last."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self._folder = folder
        self.client = client
        self._found: dict[str, list[lsp.Diagnostic]] = {}
        self._news = asyncio.Event()
        self._version = 0

        @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self._found[params.uri] = [*params.diagnostics]
            self._news.set()

    def messages(self, path: Path) -> list[str]:
        """The findings of a file, each with its line from one."""
        found = self._found.get(path.as_uri(), [])
        return [f"{each.range.start.line + 1}: {each.message}" for each in found]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds over what was published."""
        async with asyncio.timeout(SOON):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def open(self, path: Path, text: str | None = None) -> None:
        content = path.read_text() if text is None else text
        item = lsp.TextDocumentItem(path.as_uri(), "yaml", 0, content)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def type(self, path: Path, text: str) -> None:
        """Replace the text of an open file, which is not saved."""
        self._version += 1
        document = lsp.VersionedTextDocumentIdentifier(self._version, path.as_uri())
        changes = [lsp.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, changes))

    def close(self, path: Path) -> None:
        document = lsp.TextDocumentIdentifier(path.as_uri())
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))

    async def complete(self, path: Path, text: str) -> list[lsp.CompletionItem]:
        """Type a text with `|` at the cursor, and ask there; in the order an editor shows."""
        place = self._typed(path, text)
        params = lsp.CompletionParams(lsp.TextDocumentIdentifier(path.as_uri()), place)
        async with asyncio.timeout(SOON):
            found = await self.client.text_document_completion_async(params)
        assert isinstance(found, list)
        return sorted(found, key=lambda item: item.sort_text or item.label)

    async def hover(self, path: Path, text: str) -> str:
        place = self._typed(path, text)
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(path.as_uri()), place)
        async with asyncio.timeout(SOON):
            found = await self.client.text_document_hover_async(params)
        if found is None:
            return ""
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value

    async def definition(self, path: Path, text: str) -> str:
        """The name of the file and the line from one, as `work.py:3`."""
        place = self._typed(path, text)
        params = lsp.DefinitionParams(lsp.TextDocumentIdentifier(path.as_uri()), place)
        async with asyncio.timeout(SOON):
            found = await self.client.text_document_definition_async(params)
        assert isinstance(found, lsp.Location)
        return self._shown(found)

    async def references(self, path: Path, text: str) -> list[str]:
        place = self._typed(path, text)
        context = lsp.ReferenceContext(include_declaration=False)
        document = lsp.TextDocumentIdentifier(path.as_uri())
        async with asyncio.timeout(SOON):
            found = await self.client.text_document_references_async(
                lsp.ReferenceParams(context, document, place)
            )
        return [self._shown(each) for each in found or ()]

    def _typed(self, path: Path, text: str) -> lsp.Position:
        """Type a text without its `|`, which is the cursor; returns its place."""
        before, _, after = text.partition("|")
        self.type(path, before + after)
        line = before.count("\n")
        return lsp.Position(line, len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)

    def _shown(self, location: lsp.Location) -> str:
        name = location.uri.removeprefix(f"{self._folder.as_uri()}/")
        return f"{name}:{location.range.start.line + 1}"


@asynccontextmanager
async def editing(folder: Path) -> AsyncIterator[Editor]:
    """An editor that has opened a folder."""
    client = LanguageClient("tests", "1")
    editor = Editor(client, folder)
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime", "lsp"), cwd=folder, stdin=PIPE, stdout=PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    client.protocol.set_writer(server.stdin)
    reading = asyncio.create_task(run_async(Event(), server.stdout, client.protocol))
    try:
        async with asyncio.timeout(SOON):
            params = lsp.InitializeParams(lsp.ClientCapabilities(), root_uri=folder.as_uri())
            await client.initialize_async(params)
            client.initialized(lsp.InitializedParams())
            yield editor
            await client.shutdown_async(None)
            client.exit(None)
            await reading
            await server.wait()
    finally:
        if server.returncode is None:
            server.kill()
        await reading
        await server.wait()
