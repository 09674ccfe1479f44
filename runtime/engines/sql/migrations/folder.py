"""Folder: the files of the migrations, in order, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from runtime.engines.sql.migrations.migration import Migration, check, read
from runtime.findings.fault import Fault

_NAME = re.compile(r"(?P<version>[0-9]{1,18})_[A-Za-z0-9_-]+\.(?:sql|py)")
_FORM = "write 0001_name.sql or 0001_name.py"


class Folder(msgspec.Struct, frozen=True):
    """`migrations` are sorted by version; with `faults`, some may be missing."""

    migrations: list[Migration]
    faults: list[Fault]


def read_folder(path: Path, shown: str) -> Folder:
    """Read a folder of migrations, which faults call `shown`.

    Other files in it, such as a README, are left alone.
    """
    try:
        files = sorted(path.iterdir())
    except OSError as error:
        return Folder([], [_unreadable(path, shown, error)])
    faults: list[Fault] = []
    versions: dict[int, Migration] = {}
    for file in files:
        found = _NAME.fullmatch(file.name)
        if found is None or not file.is_file():
            faults += _misnamed(file, shown)
            continue
        version = int(found["version"])
        try:
            migration = read(version, file.name, file.read_bytes())
        except UnicodeDecodeError:
            faults.append(Fault(f"'{shown}/{file.name}' is not UTF-8", "save it as UTF-8"))
            continue
        except OSError as error:
            faults.append(Fault(f"'{shown}/{file.name}' cannot be read: {error.strerror}"))
            continue
        if (other := versions.setdefault(version, migration)) is not migration:
            message = f"'{shown}/{other.name}' and '{file.name}' have the same number"
            faults.append(Fault(message, "give one of them the next free number"))
        faults += check(migration, shown)
    return Folder([versions[version] for version in sorted(versions)], faults)


def _unreadable(path: Path, shown: str, error: OSError) -> Fault:
    if path.is_dir():
        return Fault(f"the folder '{shown}' cannot be read: {error.strerror}")
    if path.exists():
        return Fault(f"'{shown}' is no folder", "name a folder with 0001_name.sql in it")
    return Fault(f"no folder '{shown}'", "make it, with 0001_name.sql in it")


def _misnamed(file: Path, shown: str) -> Iterator[Fault]:
    """A fault for what looks like a migration and would not be applied."""
    name = file.name
    if name.startswith((".", "__")) or file.suffix.lower() not in (".sql", ".py"):
        return
    if name.lower().endswith(".down.sql"):
        message = f"'{shown}/{name}' is a way back, and migrations go forward only"
        yield Fault(message, "delete it; to undo a change, write another migration")
    elif name.lower().endswith(".up.sql"):
        yield Fault(f"'{shown}/{name}' has a dot in its name", f"write {name[:-7]}.sql")
    else:
        yield Fault(f"'{shown}/{name}' is not the name of a migration", _FORM)
