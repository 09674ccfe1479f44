"""Server: the methods of the Language Server Protocol over pygls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from runtime import __version__
from runtime.cli.editor.completion import Sort, Suggestion, complete
from runtime.cli.editor.cursor import Cursor, cursor_at
from runtime.cli.editor.diagnostics import Diagnostics
from runtime.cli.editor.meaning import definition, explain, references
from runtime.cli.editor.places import Places
from runtime.cli.editor.workplace import Application, Workplace, folder_of, is_manifest

_SYMBOLS = {
    Sort.FIELD: lsp.CompletionItemKind.Property,
    Sort.KIND: lsp.CompletionItemKind.Class,
    Sort.ENTRY: lsp.CompletionItemKind.Reference,
    Sort.VALUE: lsp.CompletionItemKind.EnumMember,
    Sort.FUNCTION: lsp.CompletionItemKind.Function,
}
_WATCHED = ("**/_index.yaml", "**/_index.yml", "**/*.py")


def serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Serve one editor until it says exit, or is gone."""
    server = LanguageServer(
        "runtime", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
    )
    _Session(server).register()
    server.start_io(stdin, stdout)


class _Session:
    """One editor: the texts that it holds, and its questions."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._workplace = Workplace()
        self._places = Places(server)
        self._diagnostics = Diagnostics(server, self._workplace, self._places)

    def register(self) -> None:
        self._on(lsp.INITIALIZED, self._initialized)
        self._on(lsp.TEXT_DOCUMENT_DID_OPEN, self._opened)
        self._on(lsp.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        self._on(lsp.TEXT_DOCUMENT_DID_CLOSE, self._closed)
        self._on(lsp.TEXT_DOCUMENT_DID_SAVE, self._saved)
        self._on(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._files_changed)
        triggers = lsp.CompletionOptions(trigger_characters=[" ", ":", "/", "#", "."])
        self._on(lsp.TEXT_DOCUMENT_COMPLETION, self._complete, triggers)
        self._on(lsp.TEXT_DOCUMENT_HOVER, self._hover)
        self._on(lsp.TEXT_DOCUMENT_DEFINITION, self._definition)
        self._on(lsp.TEXT_DOCUMENT_REFERENCES, self._references)

    def _on(self, name: str, answer: Callable[[Any], Awaitable[Any]], options: Any = None) -> None:
        async def answering(params: Any) -> Any:  # pygls marks it, which no method allows
            return await answer(params)

        self._server.feature(name, options)(answering)

    async def _initialized(self, params: lsp.InitializedParams) -> None:
        """Ask to be told of files that change on disk, by a branch that is checked out say."""
        workspace = self._server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching is None or not watching.dynamic_registration:
            return
        watchers = [lsp.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
        options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
        method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = lsp.Registration("files", method, options)
        await self._server.client_register_capability_async(lsp.RegistrationParams([registration]))

    async def _opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._take(params.text_document.uri, at_once=True)

    async def _changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        self._take(params.text_document.uri, at_once=False)

    async def _saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        self._look_again(params.text_document.uri)

    async def _closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        path = to_fs_path(params.text_document.uri) or ""
        self._workplace.drop(path)
        self._places.forget(path)
        self._look_again(params.text_document.uri)

    async def _files_changed(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            self._look_again(change.uri)

    async def _complete(self, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        found = await self._found(params)
        if found is None:
            return []
        cursor, application, folder = found
        place = self._places.word(params.text_document.uri, cursor)
        given = await asyncio.to_thread(lambda: [*complete(cursor, application, folder)])
        return [_item(suggestion, place, number) for number, suggestion in enumerate(given)]

    async def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        found = await self._found(params)
        text = explain(*found[:2]) if found else None
        if found is None or text is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
        return lsp.Hover(content, self._places.word(params.text_document.uri, found[0]))

    async def _definition(self, params: lsp.DefinitionParams) -> lsp.Location | None:
        found = await self._found(params)
        place = definition(*found) if found else None
        return self._places.location(place) if place else None

    async def _references(self, params: lsp.ReferenceParams) -> list[lsp.Location]:
        found = await self._found(params)
        return [self._places.location(each) for each in references(*found[:2])] if found else []

    def _take(self, uri: str, *, at_once: bool) -> None:
        """Take over the text of a manifest, and examine the application around it."""
        path = to_fs_path(uri)
        if path is None or not is_manifest(path):
            return
        self._workplace.take(path, self._places.open(uri, path))
        self._diagnostics.refresh(self._workplace.application(path), at_once=at_once)

    def _look_again(self, uri: str) -> None:
        for application in self._workplace.around(to_fs_path(uri) or ""):
            self._diagnostics.refresh(application, at_once=False)

    async def _found(self, params: Any) -> tuple[Cursor, Application, Path] | None:
        """The cursor, the application, and the folder of the manifest."""
        path = to_fs_path(params.text_document.uri)
        if path is None or not is_manifest(path):
            return None
        text = self._workplace.text(path)
        if text is None:
            return None
        place = self._places.from_client(text, params.position)
        cursor = cursor_at(text, place.line, place.character)
        if cursor is None:
            return None
        application = self._workplace.application(path)
        if not application.examined:
            await self._diagnostics.examine(application)
        return cursor, application, folder_of(path)


def _item(suggestion: Suggestion, place: lsp.Range, number: int) -> lsp.CompletionItem:
    text = suggestion.text
    return lsp.CompletionItem(
        label=suggestion.label,
        kind=_SYMBOLS[suggestion.sort],
        detail=suggestion.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, text) if text else None,
        sort_text=f"{0 if suggestion.is_first else 1}{number:05}",
        filter_text=suggestion.label,
        text_edit=lsp.TextEdit(place, suggestion.insert),
    )
