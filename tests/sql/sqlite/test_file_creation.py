"""A new database is open to its owner alone, and its entries are on disk."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import creation
from runtime.engines.sql.sqlite.connection import Settings, open_writer
from runtime.service import StartError
from tests.support.databases import ADD, database, run, serving, tasks


@pytest.fixture(params=[0o000, 0o022, 0o077], autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The permissions of all that is in a folder, by name."""
    return {path.name: mode(path) for path in sorted(folder.rglob("*"))}


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.mark.parametrize(
    ("file_mode", "folder"), [(0o600, "0700"), (0o640, "0750"), (0o660, "0770"), (0o666, "0777")]
)
def test_a_new_file_its_journals_and_folders_have_the_mode_whatever_the_umask(
    tmp_path: Path, file_mode: int, folder: str
) -> None:
    async def main() -> None:
        async with tasks(tmp_path / "new" / "deep" / "a.db", file_mode=file_mode) as db:
            await db.execute(ADD, ("a",))
            file = f"{file_mode:04o}"
            assert modes(tmp_path) == {
                "new": folder,
                "deep": folder,
                "a.db": file,
                "a.db-shm": file,
                "a.db-wal": file,
            }

    run(main())


def test_what_is_there_already_keeps_its_mode(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data").chmod(0o755)
        (tmp_path / "data" / "a.db").touch()
        (tmp_path / "data" / "a.db").chmod(0o644)
        async with tasks(tmp_path / "data" / "a.db"):
            assert modes(tmp_path) == {
                "data": "0755",
                "a.db": "0644",
                "a.db-shm": "0644",
                "a.db-wal": "0644",
            }

    run(main())


def test_each_new_folder_and_the_file_are_synced_into_what_they_lie_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(creation, "sync", synced.append)

    async def main(file: Path) -> None:
        async with serving(database(file)):
            pass

    run(main(tmp_path / "a" / "b" / "c.db"))
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    run(main(tmp_path / "a" / "b" / "c.db"))
    run(main(tmp_path / "a" / "d.db"))
    assert synced[3:] == [tmp_path / "a"]


def test_a_folder_is_synced_by_its_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    creation.create_folders(tmp_path / "a", 0o600)
    creation.create_file(tmp_path / "a" / "b.db", 0o600)

    assert synced == [str(tmp_path), str(tmp_path / "a")]


def test_links_are_followed_to_what_is_still_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "folder").symlink_to("there")
    (tmp_path / "file.db").symlink_to("far/away/real.db")

    async def main(name: str) -> None:
        async with tasks(tmp_path / name) as db:
            await db.execute(ADD, ("a",))

    run(main("folder/a.db"))
    run(main("file.db"))
    assert mode(tmp_path / "there" / "a.db") == "0600"
    assert mode(tmp_path / "far" / "away" / "real.db") == "0600"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loop/a.db", "cannot "),
        ("loop", "cannot "),
        ("x" * 300, "cannot use '.*': file name too long"),
        ("x" * 300 + "/a.db", "cannot .*: file name too long"),
        ("device", "'tasks.db' is no regular file"),
        ("socket/a.db", "cannot make the folder of 'tasks.db': not a directory"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "socket").symlink_to("/dev/null")

    async def main() -> None:
        async with serving(database(tmp_path / name)):
            pass

    with pytest.raises(StartError, match=f"^{message}") as caught:
        run(main())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("existing", "verb"), [(True, "open"), (False, "create")])
def test_a_start_without_descriptors_says_so(tmp_path: Path, existing: bool, verb: str) -> None:
    settings = Settings(
        file=str(tmp_path / "a.db"), label="a.db", name="app:db", busy_timeout=1.0, file_mode=0o600
    )
    if existing:
        open_writer(settings).close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(StartError) as caught:
            open_writer(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert (
        str(caught.value) == f"cannot {verb} 'a.db': no file descriptor is left; raise `ulimit -n`"
    )
