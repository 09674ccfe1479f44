"""A NATS server with JetStream for tests: Debian's."""

from __future__ import annotations

import shutil

from tests.support.server import Server
from tests.support.server_process import require

PROGRAM = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")


def require_nats() -> None:
    require("NATS server", "nats-server", PROGRAM is not None)


class NatsServer(Server):
    name = "nats"
    user = "nobody"

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    def initialize(self) -> None:
        (self.folder / "nats.conf").write_text(
            f"server_name: test\nlisten: {self.host}:{self.port}\n"
            "max_payload: 8MB\n"  # its default, 1 MB, is with headers
            f'jetstream {{ store_dir: "{self.folder}" }}\n'
        )

    def command(self) -> list[str]:
        assert PROGRAM is not None, "call require_nats() first"
        return [PROGRAM, "-c", str(self.folder / "nats.conf")]
