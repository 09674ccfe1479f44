"""FileResponse: sends files, whole, in parts, or not at all if the client has them already."""

from __future__ import annotations

import asyncio
import re
import secrets
from calendar import timegm
from collections.abc import AsyncIterator, Iterator
from email.utils import parsedate
from mimetypes import guess_type

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.types import Receive, Scope

from runtime.engines.web import ranges
from runtime.engines.web.open_file import OpenFile, content_type
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.response import IS_TRANSFORMED
from runtime.engines.web.sending import Outgoing

_STEP = 64 * 1024
_TAG = re.compile(r'W/"[^"]*"|("[^"]*")')
"""An entity tag; its group is empty for a weak one, which a strong comparison never matches."""


class OpenFileResponse(FileResponse):
    """A response with a file that is open already."""

    def __init__(self, file: OpenFile) -> None:
        kind, coding = content_type(file.path)
        super().__init__(file.path, media_type=kind)
        if coding is not None:
            self.headers["content-encoding"] = coding
        self.file = file


async def send_file(response: FileResponse, scope: Scope, outgoing: Outgoing) -> None:
    """Send the file of a response, which is left as it is.

    Raises OSError before anything is sent if there is no such file, `HTTPError` 412 if it is not
    the one that the client asks for, and 416 if it has none of the parts that are asked for.
    Raises OSError later if the file becomes shorter.
    """
    if isinstance(response, OpenFileResponse):
        file = response.file
    else:
        file = await asyncio.to_thread(OpenFile, response.path)
    try:
        await _send(file, _headers(response, file, outgoing), outgoing.status, scope, outgoing)
    finally:
        file.close()


async def _send(
    file: OpenFile, headers: MutableHeaders, status: int, scope: Scope, outgoing: Outgoing
) -> None:
    request, method = RequestHeaders(scope=scope), scope["method"]
    if status == 200 and method in ("GET", "HEAD"):
        if _has_changed(request, headers):
            raise HTTPError(412, "the file is not the one that the request asks for")
        if _is_known(request, headers, file):
            kept = [
                pair for pair in headers.raw if not pair[0].startswith((b"content-", b"accept-"))
            ]
            await outgoing.respond(304, kept, b"")
            return
    parts = _parts(request, headers, file, scope) if status == 200 and method == "GET" else []
    framing: list[bytes] = []
    if len(parts) > 1:
        framing = _frame(headers, parts, file)
    elif parts:
        headers["content-range"] = _content_range(*parts[0], file)
    if parts:
        status = 206
    else:
        parts = [(0, file.size)]
    length = sum(end - start for start, end in parts) + sum(map(len, framing))
    headers["content-length"] = str(length)
    if method == "HEAD":
        await outgoing.respond(status, headers.raw, b"")
        return
    await outgoing.start(status, headers.raw)
    # A client that leaves is not sent the rest of a large file.
    gone = asyncio.ensure_future(_disconnected(outgoing.receive)) if length > _STEP else None
    try:
        async for chunk in _read(file, parts, framing):
            await outgoing.write(chunk)
            if gone is not None and gone.done():
                return
        await outgoing.write(b"", more=False)
    finally:
        if gone is not None:
            gone.cancel()


async def _read(
    file: OpenFile, parts: list[tuple[int, int]], framing: list[bytes]
) -> AsyncIterator[bytes]:
    """The parts, each after its framing; what is left of that comes last."""
    frames: Iterator[bytes] = iter(framing)
    for start, end in parts:
        if frame := next(frames, b""):
            yield frame
        while start < end:
            step = min(start + _STEP, end)
            yield await asyncio.to_thread(file.read, start, step)
            start = step
    for frame in frames:
        yield frame


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(response: FileResponse, file: OpenFile, outgoing: Outgoing) -> MutableHeaders:
    headers = MutableHeaders(raw=outgoing.headers(response.raw_headers))
    headers.setdefault("last-modified", file.last_modified)
    headers.setdefault("etag", file.etag)
    name = response.filename or response.path
    kind, packed = guess_type(name)
    written = headers.get("content-type", "").partition(";")[0]
    is_guess = written == (kind or "application/octet-stream")
    if packed and is_guess and "content-encoding" not in headers:
        # Starlette calls `a.txt.gz` text. A type that the handler has chosen itself stays.
        headers["content-type"], coding = content_type(name)
        if coding is not None:
            headers["content-encoding"] = coding
    return headers


def _has_changed(request: RequestHeaders, headers: MutableHeaders) -> bool:
    """True if the client asks for another state of the file (RFC 9110, 13.1.1 and 13.1.4)."""
    if tags := ",".join(request.getlist("if-match")):
        if tags.strip() == "*":
            return False
        # searched for, not split: a tag may have commas
        return headers["etag"] not in _TAG.findall(tags)
    since = parsedate(request.get("if-unmodified-since", ""))
    modified = parsedate(headers["last-modified"])
    if since is None or modified is None:
        return False
    try:
        return timegm(modified) > timegm(since)
    except (ValueError, OverflowError):  # no date of any calendar
        return False


def _is_known(request: RequestHeaders, headers: MutableHeaders, file: OpenFile) -> bool:
    """True if the client has the file as it is (RFC 9110, 13.1)."""
    if tags := ",".join(request.getlist("if-none-match")):
        etag = headers["etag"].removeprefix("W/")
        return tags.strip() == "*" or etag in [
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        ]
    since = parsedate(request.get("if-modified-since", ""))
    if since is None:
        return False
    try:
        return timegm(since) >= file.modified
    except (ValueError, OverflowError):  # no date of any calendar
        return False


def _parts(
    request: RequestHeaders, headers: MutableHeaders, file: OpenFile, scope: Scope
) -> list[tuple[int, int]]:
    """The parts that are asked for; none if the whole file is to be sent."""
    asked = request.get("range")
    if asked is None:
        return []
    is_transformed = scope.get(IS_TRANSFORMED)
    sized = [*headers.raw, (b"content-length", b"%d" % file.size)]
    if is_transformed is not None and is_transformed(sized):
        return []
    validator = request.get("if-range")
    if validator is not None and validator not in (headers["last-modified"], headers["etag"]):
        return []
    if validator is not None and validator.startswith("W/"):
        return []
    try:
        return ranges.parse(asked, file.size)
    except ranges.Unsatisfiable:
        size = {"Content-Range": f"bytes */{file.size}"}
        raise HTTPError(416, f"the file has {file.size} bytes", headers=size) from None


def _frame(headers: MutableHeaders, parts: list[tuple[int, int]], file: OpenFile) -> list[bytes]:
    """The bytes before each part and after the last. Sets the Content-Type of the whole."""
    boundary, kind = secrets.token_hex(16), headers["content-type"]
    headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
    frames = [
        f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
        f"Content-Range: {_content_range(start, end, file)}\r\n\r\n".encode("latin-1")
        for start, end in parts
    ]
    return [*frames, f"\r\n--{boundary}--\r\n".encode()]


def _content_range(start: int, end: int, file: OpenFile) -> str:
    return f"bytes {start}-{end - 1}/{file.size}"
