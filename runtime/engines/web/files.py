"""Files: a folder served over HTTP, read-only, and nothing outside of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import anyio.to_thread
from starlette.datastructures import URL
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Group, Route
from runtime.service import StartError

PARAMETER = "file"


class Files:
    """The handler of a folder's routes.

    A folder is answered by its `index`, never by a listing. Hidden files (`.env`, `.git`) are not
    there, except `.well-known`; nor is what a symbolic link reaches outside of the folder. With
    `spa`, a page that is no file is answered by the `index` at the top, so that the program in
    the browser can show it. `cache` is the `Cache-Control` of files; an index is always asked
    for anew.
    """

    def __init__(
        self, directory: Path, *, index: str = "index.html", spa: bool = False, cache: str = ""
    ) -> None:
        self._directory = directory
        self._files = StaticFiles(directory=directory, check_dir=False)
        self._index = index
        self._spa = spa
        self._cache = cache

    def check(self) -> None:
        """Raise StartError if the folder, or the page that `spa` needs, is not there."""
        if not self._directory.is_dir():
            raise StartError(f"directory '{self._directory}' is not there; check 'directory'")
        if self._spa and not (self._directory / self._index).is_file():
            raise StartError(
                f"'{self._index}' is not in '{self._directory}'; 'spa' answers every page with it"
            )

    def routes(self, path: str, group: Group, name: str) -> list[Route]:
        """The routes that serve the folder at `path`."""
        top = path.rstrip("/")
        below = Route(
            method="GET",
            path=f"{top}/{{{PARAMETER}...}}",
            handler=self.answer,
            group=group,
            name=name,
            catches_all=True,
        )
        if not top:
            return [below]
        return [Route(method="GET", path=top, handler=_to_folder, group=group, name=name), below]

    async def answer(self, exchange: Exchange) -> Response:
        path = exchange.params[PARAMETER]
        segments = path.split("/")
        folder = segments[-1] == ""
        if folder:
            segments.pop()
        if not all(map(_is_servable, segments)):
            raise HTTPError(404, "there is no such file")
        wanted = "/".join(segments)
        found = await self._find(
            f"{wanted}/{self._index}" if folder and wanted else wanted or self._index
        )
        if found is None:
            return await self._missing(exchange, wanted, folder)
        return self._response(*found, exchange)

    async def _missing(self, exchange: Exchange, wanted: str, folder: bool) -> Response:
        if not folder and await self._find(f"{wanted}/{self._index}") is not None:
            return await _to_folder(exchange)
        if self._spa and _is_page(exchange, wanted):
            found = await self._find(self._index)
            if found is not None:
                return self._response(*found, exchange)
        raise HTTPError(404, "there is no such file")

    async def _find(self, path: str) -> tuple[str, os.stat_result] | None:
        return await anyio.to_thread.run_sync(self._look, path)

    def _look(self, path: str) -> tuple[str, os.stat_result] | None:
        """The real path of a readable, regular file inside of the folder."""
        try:
            full, status = self._files.lookup_path(path)
        except (OSError, ValueError):
            return None  # too long a name, a loop of links, a NUL, no permission
        if status is None or not stat.S_ISREG(status.st_mode) or not os.access(full, os.R_OK):
            return None
        return full, status

    def _response(self, full: str, status: os.stat_result, exchange: Exchange) -> Response:
        response = self._files.file_response(full, status, exchange.scope)
        is_index = os.path.basename(full) == self._index
        if is_index or self._cache:
            response.headers["cache-control"] = "no-cache" if is_index else self._cache
        response.headers["x-content-type-options"] = "nosniff"
        return response


async def _to_folder(exchange: Exchange) -> Response:
    """With a slash at its end the relative links of a folder's page lead to where they should."""
    url = URL(scope=exchange.scope)
    # The path alone: a host from a request's header has no place in a cached redirect.
    target = url.path + "/" + (f"?{url.query}" if url.query else "")
    return RedirectResponse("/" + target.lstrip("/"), status_code=308)


def _is_servable(segment: str) -> bool:
    if segment.startswith(".") and segment != ".well-known":
        return False
    return segment != "" and "\\" not in segment and "\0" not in segment


def _is_page(exchange: Exchange, path: str) -> bool:
    """Whether a path is one of the program's pages, not a missing `app.js` or `logo.png`."""
    return "." not in path.rpartition("/")[2] or "text/html" in exchange.request.headers.get(
        "accept", ""
    )
