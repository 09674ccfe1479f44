"""BlockingUpload: an uploaded file as a plain `def` reads it."""

from __future__ import annotations

from starlette.datastructures import UploadFile


class BlockingUpload(UploadFile):
    """A file for a plain `def`: its calls return at once and are not awaited."""

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        return self.file.read(size)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.file.write(data)

    def seek(self, offset: int) -> None:  # type: ignore[override]
        self.file.seek(offset)

    def close(self) -> None:  # type: ignore[override]
        self.file.close()
