"""Mount: the file system on which a folder lies."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import msgspec

TABLE = Path("/proc/self/mountinfo")
"""The mounts of Linux, see proc(5). Elsewhere there is no such file."""

_NETWORK = {
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "kafs", "coda", "ceph",
    "glusterfs", "lustre", "gpfs", "beegfs", "fhgfs", "orangefs", "pvfs2", "panfs", "wekafs",
    "davfs",
}  # fmt: skip
_NETWORK_FUSE = (
    "fuse.ceph", "fuse.davfs", "fuse.gluster", "fuse.goofys", "fuse.gcsfuse", "fuse.juicefs",
    "fuse.nfs", "fuse.rclone", "fuse.s3", "fuse.ssh",
)  # fmt: skip
"""Beginnings. Not all of fuse: containers get folders of their host by it, as by virtiofs."""

_LOCAL = {
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "nilfs2", "reiserfs", "bcachefs",
    "overlay", "tmpfs", "vfat", "exfat",
}  # fmt: skip
"""Mounted by one kernel at a time. Not 9p, virtiofs and fuse, by which a virtual machine gets
folders of its host, nor the file systems of clusters."""


class Mount(msgspec.Struct, frozen=True):
    """A file system of the type `kind`, at the folder `point`."""

    point: str
    kind: str

    @property
    def is_network(self) -> bool:
        """True if other machines may mount it too: locks and shared memory do not work then."""
        return self.kind in _NETWORK or self.kind.startswith(_NETWORK_FUSE)


def is_on_local_disk(file: Path) -> bool:
    """True if no other machine can have the file open; False also if that cannot be known."""
    try:
        table = TABLE.read_text(encoding="utf-8", errors="surrogateescape")
        found = mount_of(file.resolve().parent, table)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        return False
    return found is not None and found.kind in _LOCAL


def mount_of(folder: Path, table: str) -> Mount | None:
    """The mount of an absolute folder, by the text of `TABLE`; None if the text has none."""
    found: Mount | None = None
    for line in table.splitlines():
        fields, separator, rest = line.partition(" - ")
        words = fields.split(" ")
        if not separator or len(words) < 6:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), words[4])
        # Of two mounts at one point, the later one hides the earlier.
        if PurePosixPath(folder).is_relative_to(point) and (
            found is None or len(point) >= len(found.point)
        ):
            found = Mount(point, rest.split(" ")[0])
    return found
