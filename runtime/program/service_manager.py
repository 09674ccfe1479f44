"""ServiceManager: who started the program and wants to hear of its state: systemd, as a rule."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager

from runtime.application.application import Application
from runtime.loggers import logger

log = logger("runtime")

_LONGEST_SEND = 1.0
"""Seconds that a manager may take to read before what it is told is dropped."""
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_MICROS = 1_000_000


class ServiceManager:
    """Is told by datagrams, as sd_notify(3) has it. Without `address` there is none to tell."""

    def __init__(self, address: str = "", watchdog: float = 0) -> None:
        """`watchdog` is the number of seconds after which silence counts as a hang; 0 for none."""
        self._address = address
        self._watchdog = watchdog
        self._is_ready = False

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> ServiceManager:
        """The one that the variables name. They are removed: children are not the service."""
        address, watchdog, pid = (environment.pop(name, "") for name in _VARIABLES)
        is_meant = pid in ("", str(os.getpid())) and watchdog.isdecimal()
        return cls(address, int(watchdog) / _MICROS if is_meant else 0)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say twice within its time that the loop turns, as long as it does."""
        if self._address and self._watchdog:
            self._tell("WATCHDOG=1", 0)
            loop.call_later(self._watchdog / 2, self.watch, loop)

    def follow(self, application: Application, budget: Callable[[], float]) -> None:
        """Tell the states of an application, beside whoever hears of them already."""
        others = application.on_state

        def on_state() -> None:
            others()
            if application.state == "running" and not self._is_ready:
                self.ready()
            elif application.state == "stopping":
                self.stopping(budget())

        if self._address:
            application.on_state = on_state

    def ready(self) -> None:
        """All services are ready."""
        self._is_ready = True
        self._tell("READY=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell the begin and the end of the block, if the services are ready at both."""
        if self._is_ready:
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            if self._is_ready:
                self.ready()

    def stopping(self, seconds: float) -> None:
        """The stop has begun, and takes so long at most: the manager waits, if it would not."""
        self._is_ready = False
        self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * _MICROS)}")

    def _tell(self, text: str, seconds: float = _LONGEST_SEND) -> None:
        """Send it, waiting so long for a manager that does not read."""
        if not self._address:
            return
        name = self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.settimeout(seconds)
                sending.sendto(text.encode(), f"\0{name[1:]}" if name[0] == "@" else name)
        except BlockingIOError:
            return  # it has as many pings to read as it takes
        except OSError as error:
            log.warning("service manager at '%s' cannot be told: %s", name, error.strerror or error)
            if not isinstance(error, TimeoutError):
                self._address = ""
