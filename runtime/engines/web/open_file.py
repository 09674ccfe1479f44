"""OpenFile: a file that is open for reading, as it was when it was opened."""

from __future__ import annotations

import errno
import os
import stat
from email.utils import formatdate
from mimetypes import guess_type

_PACKED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
}
_UNKNOWN = "application/octet-stream"


class OpenFile:
    """A regular file. Later changes of its path do not matter; its size is that of the opening."""

    def __init__(self, path: str | os.PathLike[str], *, follow: bool = True) -> None:
        """Without `follow`, a symbolic link is not opened. Raises OSError.

        Blocks on a slow disk.
        """
        # Not blocking: opening a pipe would wait for somebody who writes into it.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        self._descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        self.path = path
        self.size = status.st_size
        self.modified = int(status.st_mtime)
        self.etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.last_modified = formatdate(status.st_mtime, usegmt=True)

    def read(self, start: int, end: int) -> bytes:
        """Read a part, from any thread. Raises OSError if the file has become shorter than that."""
        parts: list[bytes] = []
        while start < end:
            part = os.pread(self._descriptor, end - start, start)
            if not part:
                raise OSError(
                    errno.EIO, "the file became shorter while it was sent", str(self.path)
                )
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()


def content_type(name: str | os.PathLike[str]) -> tuple[str, str | None]:
    """The media type of a file, by its name, and its content coding if it has one.

    `a.txt.gz` is not text but gzip. `a.svgz` is an image in gzip, which browsers unpack.
    """
    name = os.path.basename(os.fspath(name))
    kind, packed = guess_type(f"/{name}")
    if packed is None:
        return kind or _UNKNOWN, None
    if name.lower().endswith(".svgz"):
        return kind or _UNKNOWN, "gzip"
    return _PACKED.get(packed, _UNKNOWN), None
