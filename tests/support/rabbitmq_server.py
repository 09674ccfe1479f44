"""A RabbitMQ server for tests: Debian's, with ports, cookie and name server of its own."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from tests.support.server import LOOPBACK, Server
from tests.support.server_process import as_user, free_port, give, require

USER = "rabbitmq"
BIN = Path("/usr/lib/rabbitmq/bin")

THRIFTY = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
"""Two schedulers that do not spin while they wait, as the other tests want the processor too."""


def require_rabbitmq() -> None:
    require("RabbitMQ", "rabbitmq-server", (BIN / "rabbitmq-server").exists())


class RabbitMQServer(Server):
    """One node with an empty disk, where guest may do everything.

    `settings` are those of rabbitmq.conf, `__` in a name standing for a dot. `management` adds the
    HTTP API on `admin_port`, and 5 s to each stop.
    """

    name = "rabbitmq"
    user = USER

    def __init__(
        self,
        *,
        lease: Path | None = None,
        management: bool = False,
        on_disk: bool = False,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
        **settings: object,
    ) -> None:
        super().__init__(lease=lease, host=host, within=within, on_disk=on_disk)
        self.admin_port = free_port() if management else 0
        self.settings = {"loopback_users": "none", "log__console": "true", **settings}
        if management:
            self.settings["management__tcp__ip"] = host
            self.settings["management__tcp__port"] = self.admin_port
        self._distribution_port = free_port()
        self._epmd_port = free_port()

    @property
    def url(self) -> str:
        return url(self.port, self.host)

    def initialize(self) -> None:
        """Write its configuration, and the cookie that its command line shows it."""
        lines = [f"{name.replace('__', '.')} = {value}" for name, value in self.settings.items()]
        (self.folder / "rabbitmq.conf").write_text("\n".join([*lines, ""]))
        plugins = "rabbitmq_management" if self.admin_port else ""
        (self.folder / "plugins").write_text(f"[{plugins}].\n")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(uuid.uuid4().hex)
        cookie.chmod(0o400)
        give(cookie, USER)

    def command(self) -> list[str]:
        return [str(BIN / "rabbitmq-server")]

    def accepts(self) -> bool:
        """True if it lets clients in."""
        return "Server startup complete" in self.process.log

    def wait_until_kept(self, queue: str) -> None:
        """Wait until a kill leaves that quorum queue of the virtual host `/`.

        RabbitMQ 3.10 writes the names of its queues half a second after the last was declared, and
        one that was killed before has that queue without its messages, and without a leader.
        """
        node = self.folder / "mnesia/rabbit@localhost"
        names = node / "quorum/rabbit@localhost/names.dets"
        member = f"%2F_{queue}".encode()
        atom = bytes([len(member)]) + member  # with its length: the name may begin another
        self.process.wait_until(lambda: atom in names.read_bytes())

    def raise_memory_alarm(self) -> None:
        """Make it block all connections that publish."""
        self.control("set_vm_memory_high_watermark", "0")

    def clear_memory_alarm(self) -> None:
        self.control("set_vm_memory_high_watermark", "0.4")

    def control(self, *command: str) -> str:
        """Run `rabbitmqctl`: a second, for it starts an Erlang of its own. Gives what it prints."""
        done = subprocess.run(
            [*self._within, *as_user(USER), str(BIN / "rabbitmqctl"), "--quiet", *command],
            env=self.env(),
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(
                f"rabbitmqctl {' '.join(command)} failed:\n{done.stdout}{done.stderr}"
            )
        return str(done.stdout)

    def env(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "PATH": f"{BIN}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.host,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/no-environment",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"-kernel inet_dist_use_interface {{127,0,0,1}} {THRIFTY}"
            ),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._epmd_port),
        }


def url(port: int, host: str = LOOPBACK, vhost: str = "%2F") -> str:
    return f"amqp://guest:guest@{host}:{port}/{vhost}"
