"""A PostgreSQL server for tests: Debian's, or the one that POSTGRES_BIN names."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.support.server_process import (
    ServerProcess,
    drop_to,
    free_port,
    hold,
    require,
    server_folder,
)

USER = "postgres"
LOOPBACK = "127.0.0.1"

SETTINGS = {
    "listen_addresses": LOOPBACK,
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


class PostgresServer:
    """One cluster: its port stays through restarts, its superuser `postgres` needs no password.

    `settings` are those of postgresql.conf; None leaves one at PostgreSQL's default. `fsync` costs
    a second for each start and belongs to measurements. `host` is where clients reach it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        lease: Path | None = None,
        fsync: bool = False,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
        **settings: object,
    ) -> None:
        found = bin_folder()
        assert found is not None, "call require_postgres() first"
        self.bin = found
        self.folder = folder or server_folder(USER, "postgres")
        self.data = self.folder / "data"
        self.host = host
        self.port = free_port()
        self.fsync = fsync
        self.settings = {**SETTINGS, **settings}
        self._within = within
        self._lease = lease or self.folder / "lease"
        self._held = hold(self._lease)
        self._process: ServerProcess | None = None
        self._standbys: list[PostgresServer] = []

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{self.host}:{self.port}/postgres"

    @property
    def process(self) -> ServerProcess:
        assert self._process is not None, "it was not started"
        return self._process

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

    def start(self) -> None:
        settings = {**({} if self.fsync else FORGETFUL), **self.settings, "port": self.port}
        flags = [f"-c{name}={value}" for name, value in settings.items() if value is not None]
        self._process = ServerProcess(
            [str(self.bin / "postgres"), "-D", str(self.data), *flags],
            folder=self.folder,
            lease=self._lease,
            user=USER,
            within=self._within,
        )
        self._process.wait_until(self.accepts)

    def accepts(self) -> bool:
        """True if it lets clients in: not while it starts, recovers or stops."""
        command = [*self._within, str(self.bin / "pg_isready"), "-q", "-h", self.host]
        return subprocess.run([*command, "-p", str(self.port)], cwd="/").returncode == 0

    def stop(self) -> None:
        """Stop it as a planned restart does: sessions end, what is under way is rolled back."""
        self.process.stop(signal.SIGINT)

    def kill(self) -> None:
        """End it with all its backends, as a crash of the machine would."""
        note = self.data / "postmaster.pid"
        segment = note.read_text().splitlines()[6].split()[1] if note.exists() else None
        self.process.kill()
        if segment:
            subprocess.run(["ipcrm", "--shmem-id", segment], check=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze it with all its backends: connections stay open and nobody answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send(signal.SIGCONT)

    def standby(self, name: str, **settings: object) -> PostgresServer:
        """A hot standby that follows this server, not started yet: 0.2 s. It goes with its primary.

        It is synchronous once this server's `synchronous_standby_names` has `name`.
        """
        alone = {"synchronous_standby_names": None}
        it = PostgresServer(
            host=self.host,
            within=self._within,
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
        if self._process is not None and self._process.running:
            self._process.send(signal.SIGCONT)
            self._process.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()

    def detach(self) -> None:
        """Leave it to the others that hold its lease."""
        self.process.detach()
        self._held.close()

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [*self._within, str(self.bin / program), *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
            **drop_to(USER),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
