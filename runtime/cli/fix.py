"""Fix: changes that findings ask for and that are certain, written into the manifests."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from runtime.findings.display import display_path
from runtime.findings.finding import Finding, Mend, Position
from runtime.manifest.document import MAX_BYTES, Document, parse
from runtime.manifest.entry import value_at
from runtime.manifest.list_edit import NotEditable, edit_list
from runtime.manifest.text_file import Unreadable, read_text

_BOM = b"\xef\xbb\xbf"


def fix(findings: Iterable[Finding]) -> Iterator[str]:
    """Write what the findings ask for, file by file. Yields a line about each change.

    A file is replaced as a whole or not at all; one that cannot be changed is told about too.
    """
    mends: dict[str, dict[Mend, None]] = {}
    for finding in findings:
        if finding.mend is not None:
            mends.setdefault(finding.mend.file, {})[finding.mend] = None
    for file, wanted in mends.items():
        yield from _fix_file(Path(file), list(wanted))


def _fix_file(path: Path, mends: Sequence[Mend]) -> Iterator[str]:
    name = display_path(path)
    lines: list[str] = []
    try:
        text = read_text(path, MAX_BYTES)
        for mend in mends:
            document, _ = parse(text, str(path), name)
            try:
                changed = edit_list(text, mend.path, mend.items)
            except NotEditable as error:
                place = document.at(mend.path) if document else Position(name, 1, 1)
                lines.append(f"{place}: not fixed: {error}")
                continue
            assert document is not None
            lines.append(f"{document.at(mend.path)}: {mend.what}: {_difference(document, mend)}")
            text = changed
        _replace(path, text)
    except (OSError, Unreadable) as error:
        reason = getattr(error, "strerror", None) or str(error)
        lines = [f"{name}: not fixed: {reason.lower()}"]
    yield from lines


def _difference(document: Document, mend: Mend) -> str:
    before = value_at(document.data, mend.path)
    parts = {
        "added": [item for item in mend.items if item not in before],
        "removed": [item for item in before if item not in mend.items],
    }
    return ", ".join(f"{verb} {', '.join(names)}" for verb, names in parts.items() if names)


def _replace(path: Path, text: str) -> None:
    """Write a file anew, with its mode and its byte order mark, in place of the old one at once."""
    path = path.resolve()  # a link stays one
    with path.open("rb") as file:
        old = file.read()
        mode = os.fstat(file.fileno())
    new = (_BOM if old.startswith(_BOM) else b"") + text.encode("utf-8")
    if new == old:
        return
    if not mode.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(0, "the file is read-only")
    os.close(os.open(path, os.O_WRONLY))  # may this user write it?
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(new)
            file.flush()
            os.fchmod(descriptor, stat.S_IMODE(mode.st_mode))
            with suppress(OSError):  # only root may give a file away
                os.fchown(descriptor, mode.st_uid, mode.st_gid)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
