"""A PostgreSQL server for tests: Debian's, or the one that POSTGRES_BIN names."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.support.server import LOOPBACK, Server
from tests.support.server_process import as_user, require

USER = "postgres"

SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": 200,
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "max_wal_senders": 10,
    "wal_level": "replica",
    "wal_retrieve_retry_interval": "100ms",  # a standby is back as soon as its primary is
    "logging_collector": "off",
    "dynamic_shared_memory_type": "mmap",  # others stay behind when a server is killed
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""Survives the death of all its processes, and not that of the machine."""

LIMITED = "-cstatement_timeout=20s"
"""For statements of tests: nothing waits for a lock, or for a standby, for ever."""


def bin_folder() -> Path | None:
    """The newest PostgreSQL here."""
    if named := os.environ.get("POSTGRES_BIN"):
        return Path(named)
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max(
        (path.parent for path in found), key=lambda path: int(path.parent.name), default=None
    )


def require_postgres() -> None:
    require("PostgreSQL", "postgresql", bin_folder() is not None)


class PostgresServer(Server):
    """One cluster, whose superuser `postgres` needs no password.

    `settings` are those of postgresql.conf; None leaves one at PostgreSQL's default. `fsync` makes
    it survive a loss of the machine, and puts it on disk: for measurements.
    """

    name = "postgres"
    user = USER
    stop_signal = signal.SIGINT
    end_signal = signal.SIGQUIT

    def __init__(
        self,
        *,
        lease: Path | None = None,
        fsync: bool = False,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
        **settings: object,
    ) -> None:
        found = bin_folder()
        assert found is not None, "call require_postgres() first"
        super().__init__(lease=lease, host=host, within=within, on_disk=fsync)
        self.bin = found
        self.data = self.folder / "data"
        self.fsync = fsync
        self.settings = {**SETTINGS, "listen_addresses": host, **settings}
        self._standbys: list[PostgresServer] = []

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{self.host}:{self.port}/postgres"

    def initialize(self) -> None:
        """Make an empty cluster: 0.4 s in memory."""
        self._run(
            "initdb",
            f"--pgdata={self.data}",
            f"--username={USER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        )
        if self.host != LOOPBACK:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all trust\nhost replication all all trust\n")

    def command(self) -> list[str]:
        settings = {**({} if self.fsync else FORGETFUL), **self.settings, "port": self.port}
        flags = [f"-c{name}={value}" for name, value in settings.items() if value is not None]
        return [str(self.bin / "postgres"), "-D", str(self.data), *flags]

    def accepts(self) -> bool:
        """True if it lets clients in: not while it starts, recovers or stops."""
        command = [*self._within, str(self.bin / "pg_isready"), "-q", "-h", self.host]
        return subprocess.run([*command, "-p", str(self.port)], cwd="/").returncode == 0

    def kill(self) -> None:
        """End it with all its backends, and the memory that a lost machine would not keep."""
        note = self.data / "postmaster.pid"
        segment = note.read_text().splitlines()[6].split()[1] if note.exists() else None
        super().kill()
        if segment:
            subprocess.run(["ipcrm", "--shmem-id", segment], check=True)

    def standby(
        self,
        name: str,
        *,
        host: str | None = None,
        within: Sequence[str] | None = None,
        **settings: object,
    ) -> PostgresServer:
        """A hot standby that follows this server, not started yet: 0.2 s. It goes with its primary.

        It is synchronous once this server's `synchronous_standby_names` has `name`.
        """
        host = host or self.host
        alone = {"synchronous_standby_names": None, "listen_addresses": host}
        it = PostgresServer(
            host=host,
            within=self._within if within is None else within,
            fsync=self.fsync,
            **{**self.settings, **alone, **settings},
        )
        self._run(
            "pg_basebackup",
            f"--pgdata={it.data}",
            f"--dbname={self.url}?application_name={name}",
            "--checkpoint=fast",
            "--wal-method=stream",
            "--write-recovery-conf",
            "--no-sync",
        )
        self._standbys.append(it)
        return it

    def promote(self) -> None:
        """Make a standby the primary, and wait until it writes."""
        self._run("pg_ctl", "promote", f"--pgdata={self.data}", "--wait", "--silent")

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement in a session of its own; its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True, options=LIMITED) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def remove(self) -> None:
        for standby in self._standbys:
            standby.remove()
        super().remove()

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [*as_user(USER), str(self.bin / program), *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
