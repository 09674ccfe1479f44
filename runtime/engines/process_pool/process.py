"""Process: one process of a pool, seen from the application."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from runtime.engines.process_pool.answers import answer, find
from runtime.engines.process_pool.channel import Channel
from runtime.engines.process_pool.failure import Failure, ProcessEnded, UnsentValue
from runtime.engines.process_pool.remote import name_of
from runtime.engines.queue.delivery import Delivery
from runtime.entry_id import EntryId
from runtime.exit_codes import describe_end
from runtime.handlers.context import ApplicationContext, call
from runtime.service import StartError

_CODE = (
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from runtime.engines.process_pool.child import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
_LAST_MOMENT = 5.0
"""Seconds in which the kernel ends a process that was killed, unless it hangs in a disk."""


class Target(msgspec.Struct, frozen=True):
    """The function that a process calls, by the name that it is imported by."""

    entry: EntryId
    module: str
    method: str


class Process:
    """A process that calls one function. `spawn` it on the thread that outlives it: on Linux it
    ends with that thread. All else blocks, and is for another thread.
    """

    def __init__(self, target: Target, scope: ApplicationContext) -> None:
        self._target = target
        self._scope = scope
        self._killed = False
        self._closed = False
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._popen = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(number), str(os.getpid()), *sys.path],
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # else Ctrl-C on a terminal would reach it first
            )
        self._channel = Channel(ours, name_of, find(scope))
        self.pid = self._popen.pid

    @property
    def is_alive(self) -> bool:
        """False once it was killed, or is known to have ended."""
        return not self._killed

    def runs(self) -> bool:
        """False if it has ended while nobody called it."""
        return self._popen.poll() is None

    def load(self) -> None:
        """Import the function. Raises StartError, ProcessEnded."""
        target = self._target
        level = logging.INFO if self._scope.log is None else self._scope.log.level
        answer = self._converse([target.entry, target.module, target.method, level])
        if answer[0] == "failed":
            text = f"{target.module}.{target.method} cannot be imported in a process of its own"
            raise StartError(f"{text}: {answer[1].error}")

    def call(self, arguments: Sequence[Any]) -> Any:
        """Call the function. Raises what it raises, UnsentValue for an argument or a result that
        cannot be sent, and ProcessEnded.
        """
        subject, message = call().subject, None
        if isinstance(subject, Delivery):
            plain = msgspec.structs.replace(subject.message, body=b"")
            message = plain, subject.max_attempts
        packed = self._packed(arguments)
        head = dict(subject.log_ids), subject.has_client, message
        kind, value = self._converse(head, packed)
        if kind == "error":
            raise value.restored()
        if kind == "unsent":
            raise UnsentValue(value)
        return value

    def _packed(self, arguments: Sequence[Any]) -> bytes:
        try:
            return self._channel.pack([*arguments])
        except Exception as error:
            wrong = UnsentValue(
                f"an argument cannot be sent to its process: {error}; annotate the parameters with "
                "the values that the function needs"
            )
        raise wrong

    def kill(self) -> None:
        """End it, with all that it started. May be called from any thread, and again."""
        self._killed = True
        if not self._closed:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, and wait for that."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_LAST_MOMENT)
        self._closed = True
        self._channel.close()

    def _converse(self, *frames: Any) -> Any:
        """Send frames and return what ends the conversation. Logs and answers what comes before."""
        channel = self._channel
        wrong: Exception
        try:
            for frame in frames:
                channel.send_packed(frame if isinstance(frame, bytes) else channel.pack(frame))
            while True:
                kind, *values = channel.receive()
                if kind == "log":
                    self._log(*values)
                elif kind == "progress":
                    self._tell_progress(*values)
                elif kind == "ask":
                    self._reply(values)
                else:
                    return kind, *values
        except (EOFError, OSError):
            wrong = ProcessEnded(self._how_it_ended())
        except Exception as error:  # in between two frames for all that is known
            self.close()
            wrong = UnsentValue(f"what came from its process cannot be read: {error}")
        raise wrong

    def _tell_progress(self, part: float, text: str | None) -> None:
        subject = call().subject
        if isinstance(subject, Delivery):
            subject.progress(part, text)

    def _reply(self, question: Sequence[Any]) -> None:
        try:
            data = self._channel.pack((answer(self._scope, *question), None))
        except BaseException as error:
            data = self._channel.pack((None, Failure(error)))
        self._channel.send_packed(data)

    def _log(
        self,
        level: int,
        logger: str,
        text: str,
        entry: str | None,
        fields: dict[str, Any],
        ids: dict[str, object],
        failure: Failure | None,
        stack: str | None,
    ) -> None:
        error = None if failure is None else failure.restored()
        if self._scope.log is not None:
            self._scope.log.write(level, logger, text, entry, fields, ids, error, stack)
        else:
            extra = {"entry": entry, "fields": fields, **ids}
            logging.getLogger(logger).log(level, "%s", text, exc_info=error, extra=extra)

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(1)  # before what it started is killed, and with it the code
        self.close()
        name = f"the process of {self._target.entry}"
        code = self._popen.returncode
        if code is None:
            return f"{name} closed its connection"
        return f"{name} {describe_end(code)}"
