"""A pooler in front of a PostgreSQL server."""

from __future__ import annotations

import shutil

from tests.support.postgres_server import USER
from tests.support.server import Server
from tests.support.server_process import require

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


def require_pgbouncer() -> None:
    require("PgBouncer", "pgbouncer", PROGRAM is not None)


class PgBouncer(Server):
    """Pools the sessions of the server on `target` by transaction, or as `settings` say."""

    name = "pgbouncer"
    user = USER

    def __init__(self, target: int, **settings: object) -> None:
        super().__init__()
        self._target = target
        self.settings = {"pool_mode": "transaction", "default_pool_size": 5, **settings}

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{self.host}:{self.port}/postgres"

    def initialize(self) -> None:
        settings = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "admin_users": USER,
            **self.settings,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        database = f"* = host={self.host} port={self._target} user={USER}"
        (self.folder / "pgbouncer.ini").write_text(
            "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""])
        )

    def command(self) -> list[str]:
        assert PROGRAM is not None, "call require_pgbouncer() first"
        return [PROGRAM, str(self.folder / "pgbouncer.ini")]
