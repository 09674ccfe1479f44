"""Files: a folder served over HTTP, read-only."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

from starlette.responses import Response

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.file_response import OpenFileResponse
from runtime.engines.web.negotiation import accepts_html, header_values, weights
from runtime.engines.web.open_file import OpenFile
from runtime.engines.web.problem import OUT_OF_DESCRIPTORS, HTTPError
from runtime.engines.web.routes import Route
from runtime.service import StartError

PARAMETER = "file"


class Files:
    """The handler of a folder's routes.

    A directory is answered with its `index`, never with a listing. Hidden files (`.env`, `.git`)
    are not served, except `.well-known`, also where a symbolic link gives them another name, nor is
    anything that a link reaches outside of the folder. With `spa`, a page that is not a file is
    answered with the `index` at the top, for the program in the browser to show; only to clients
    that accept HTML. `cache` is the `Cache-Control` of files; an index always
    has `no-cache`.
    """

    def __init__(
        self, directory: Path, *, index: str = "index.html", spa: bool = False, cache: str = ""
    ) -> None:
        self._directory = directory
        self._index = index
        self._spa = spa
        self._cache = cache

    def check(self) -> None:
        """Raise StartError if the folder, or the index that `spa` needs, does not exist."""
        if not self._directory.is_dir():
            raise StartError(f"directory '{self._directory}' is not there; check 'directory'")
        if self._spa and not (self._directory / self._index).is_file():
            raise StartError(
                f"'{self._index}' is not in '{self._directory}'; 'spa' answers every page with it"
            )

    def routes(self, path: str, name: str) -> list[Route]:
        """The routes that serve the folder at `path`."""
        top = path.rstrip("/")
        handlers = {f"{top}/{{{PARAMETER}...}}": self.answer}
        if top:
            handlers[top] = redirect_to_directory
        return [
            Route(method="GET", path=path, handler=handler, name=name, is_fallback=True)
            for path, handler in handlers.items()
        ]

    async def answer(self, exchange: Exchange) -> Response:
        segments = exchange.params[PARAMETER].split("/")
        is_directory = segments[-1] == ""
        if is_directory:
            segments.pop()
        if not all(map(_is_servable, segments)):
            raise HTTPError(404, "there is no such file")
        path = "/".join(segments)
        found = await self._open(
            f"{path}/{self._index}" if is_directory and path else path or self._index
        )
        if found is None:
            return await self._respond_missing(exchange, path, is_directory)
        return self._response(found)

    async def _respond_missing(self, exchange: Exchange, path: str, is_directory: bool) -> Response:
        if not is_directory:
            index = await self._open(f"{path}/{self._index}")
            if index is not None:
                index.close()
                return await redirect_to_directory(exchange)
        if self._spa and _is_page(exchange, path):
            found = await self._open(self._index)
            if found is not None:
                response = self._response(found)
                response.headers["vary"] = "Accept"
                return response
        raise HTTPError(404, "there is no such file")

    async def _open(self, path: str) -> OpenFile | None:
        return await asyncio.to_thread(self._open_now, path)

    def _open_now(self, path: str) -> OpenFile | None:
        """Open a regular file inside of the folder; None for others."""
        try:
            folder = os.path.realpath(self._directory)
            full = os.path.realpath(os.path.join(folder, path), strict=True)
            if os.path.commonpath((full, folder)) != folder:
                return None
            *folders, name = os.path.relpath(full, folder).split(os.sep)
            if not _is_servable(name) or not all(map(_may_be_passed, folders)):
                return None
            return OpenFile(full, follow=False)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in OUT_OF_DESCRIPTORS:
                raise  # the file may be there
            return None  # name too long, loop of links, NUL, no permission

    def _response(self, file: OpenFile) -> Response:
        response = OpenFileResponse(file)
        is_index = os.path.basename(file.path) == self._index
        if is_index or self._cache:
            response.headers["cache-control"] = "no-cache" if is_index else self._cache
        response.headers["x-content-type-options"] = "nosniff"
        return response


async def redirect_to_directory(exchange: Exchange) -> Response:
    """Redirect to the path with a trailing slash, from which relative links of the page resolve."""
    # As it was sent, and without the host: a redirect that caches keep must not depend on a header.
    path = quote(exchange.scope["raw_path"], safe="/%:@!$&'()*+,;=~")
    query = quote(exchange.scope["query_string"], safe="/%:@!$&'()*+,;=~?")
    target = f"/{path.lstrip('/')}/" + (f"?{query}" if query else "")
    return Response(status_code=308, headers={"location": target})


def _is_servable(segment: str) -> bool:
    if segment.startswith(".") and segment != ".well-known":
        return False
    return segment != "" and "\\" not in segment and "\0" not in segment


def _may_be_passed(folder: str) -> bool:
    """True for a folder that a link may lead through.

    Names with two dots are those of Kubernetes, which mounts `index.html` as a link to a file in
    `..2026_01_02` to change all files at once.
    """
    return _is_servable(folder) or (folder.startswith("..") and len(folder) > 2)


def _is_page(exchange: Exchange, path: str) -> bool:
    """True for a path that may be a page, false for a missing `app.js` or `logo.png`."""
    accepted = weights(header_values(exchange.scope["headers"], b"accept"))
    is_named = accepted.get("text/html", 0) > 0
    return is_named or ("." not in path.rpartition("/")[2] and accepts_html(accepted))
