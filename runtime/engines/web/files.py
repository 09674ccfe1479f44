"""Files: a folder served over HTTP, read-only."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

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

    A directory is answered with its `index`, never with a listing. Hidden files (`.env`, `.git`)
    are not served, except `.well-known`, nor is anything that a symbolic link reaches outside of
    the folder. With `spa`, a page that is not a file is answered with the `index` at the top, for
    the program in the browser to show. `cache` is the `Cache-Control` of files; an index always
    has `no-cache`.
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
        """Raise StartError if the folder, or the index that `spa` needs, does not exist."""
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
        return [
            Route(method="GET", path=top, handler=_redirect_to_directory, group=group, name=name),
            below,
        ]

    async def answer(self, exchange: Exchange) -> Response:
        segments = exchange.params[PARAMETER].split("/")
        is_directory = segments[-1] == ""
        if is_directory:
            segments.pop()
        if not all(map(_is_servable, segments)):
            raise HTTPError(404, "there is no such file")
        path = "/".join(segments)
        found = await self._find(
            f"{path}/{self._index}" if is_directory and path else path or self._index
        )
        if found is None:
            return await self._respond_missing(exchange, path, is_directory)
        return self._response(*found, exchange)

    async def _respond_missing(self, exchange: Exchange, path: str, is_directory: bool) -> Response:
        if not is_directory and await self._find(f"{path}/{self._index}") is not None:
            return await _redirect_to_directory(exchange)
        if self._spa and _is_page(exchange, path):
            found = await self._find(self._index)
            if found is not None:
                return self._response(*found, exchange)
        raise HTTPError(404, "there is no such file")

    async def _find(self, path: str) -> tuple[str, os.stat_result] | None:
        return await asyncio.to_thread(self._look_up, path)

    def _look_up(self, path: str) -> tuple[str, os.stat_result] | None:
        """Real path and status of a readable regular file inside of the folder; None for others."""
        try:
            full, status = self._files.lookup_path(path)
        except (OSError, ValueError):
            return None  # name too long, loop of links, NUL, no permission
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


async def _redirect_to_directory(exchange: Exchange) -> Response:
    """Redirect to the path with a trailing slash, from which relative links of the page resolve."""
    url = URL(scope=exchange.scope)
    # Without the host: a redirect that caches keep must not depend on a request header.
    target = url.path + "/" + (f"?{url.query}" if url.query else "")
    return RedirectResponse("/" + target.lstrip("/"), status_code=308)


def _is_servable(segment: str) -> bool:
    if segment.startswith(".") and segment != ".well-known":
        return False
    return segment != "" and "\\" not in segment and "\0" not in segment


def _is_page(exchange: Exchange, path: str) -> bool:
    """True for a path that may be a page, false for a missing `app.js` or `logo.png`."""
    return "." not in path.rpartition("/")[2] or "text/html" in exchange.request.headers.get(
        "accept", ""
    )
