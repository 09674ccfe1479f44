"""Where a database lies: network file systems are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.engines.sql.sqlite import file as files
from runtime.engines.sql.sqlite.mount import Mount, mount_of
from runtime.service import StartError
from tests.support.databases import ADD, database, names, run, serving, tasks

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:50 / /srv rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2
41 40 254:1 / /srv/local rw,relatime - xfs /dev/vdb rw
42 22 0:51 / /media/my\040share rw - cifs //host/share rw
43 22 0:52 / /over rw - ext4 /dev/vdc rw
44 22 0:53 / /over rw - fuse.sshfs someone@host: rw
45 22 0:54 / /work rw - 9p none rw,trans=fd
46 22 0:55 / /shared rw - virtiofs tag rw
47 22 0:56 / /fused rw - fuse.fuse-overlayfs fuse rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "mount", "network"),
    [
        ("/home/me", Mount("/", "ext4"), False),
        ("/srv/data", Mount("/srv", "nfs4"), True),
        ("/srvs", Mount("/", "ext4"), False),
        ("/srv/local/data", Mount("/srv/local", "xfs"), False),
        ("/media/my share/x", Mount("/media/my share", "cifs"), True),
        ("/over", Mount("/over", "fuse.sshfs"), True),
        ("/work", Mount("/work", "9p"), False),
        ("/shared", Mount("/shared", "virtiofs"), False),
        ("/fused", Mount("/fused", "fuse.fuse-overlayfs"), False),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(
    folder: str, mount: Mount, network: bool
) -> None:
    found = mount_of(Path(folder), MOUNTS)

    assert found == mount
    assert mount.is_network is network


def test_a_database_on_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {tmp_path} rw - nfs4 host:/ rw\n"
    )
    monkeypatch.setattr(files, "TABLE", table)

    async def main() -> None:
        async with serving(database(tmp_path / "a.db", "./a.db")):
            pass

    with pytest.raises(StartError) as caught:
        run(main())
    assert str(caught.value) == (
        f"'./a.db' lies on a network file system (nfs4, mounted at {tmp_path}), "
        "where locks cannot be trusted; move it to a local disk"
    )
    assert not (tmp_path / "a.db").exists()


def test_where_mounts_are_not_told_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "TABLE", tmp_path / "missing")

    async def main() -> None:
        async with tasks(tmp_path / "a.db") as db:
            await db.execute(ADD, ("a",))

    run(main())

    assert names(tmp_path / "a.db") == ["a"]
