"""Applications whose functions run in processes of their own."""

from __future__ import annotations

import os

from tests.support.blackbox import eventually

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: do, kind: http.endpoint, meta: {router: router}, method: GET, path: "/{action}", func: work, timeout: 5s}
  - {name: work, kind: function.python, source: file://work.py, method: work, processes: 1}
  - {name: memory, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: memory, dead_letter: {max_attempts: 2}}
  - {name: results, kind: queue.queue, driver: memory}
  - {name: db, kind: db.sql.sqlite, file: app.db}
  - {name: kept, kind: store.memory}
  - {name: do_task, kind: queue.consumer, queue: tasks, func: task, timeout: 2s, lifecycle: {auto_start: true}}
  - {name: task, kind: function.python, source: file://work.py, method: task, processes: 1}
"""  # noqa: E501 - an entry a line
WORK = """
import logging
import os
import signal
import sys
import threading
import time
from typing import Annotated

from runtime.modules.sync import http, logger, queue, registry, sql, store

class Odd(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")

def work(action: str, results: Annotated[queue.Queue, "results"]):
    return {"is": answer(action, results)}

def answer(action, results):
    match action:
        case "pid": return os.getpid()
        case "segfault": os.kill(os.getpid(), signal.SIGSEGV)
        case "exit": os._exit(3)
        case "sys.exit": sys.exit(3)
        case "hang": time.sleep(600)
        case "odd": raise Odd(5, "not for pickle")
        case "lambda": return lambda: 1
        case "missing": raise http.Error(410, "gone", headers={"x-a": "b"}, since=2020)
        case "fields": return registry.get("work")["processes"]
        case "nobody": return registry.get("wrok")
        case "sql": return sql.get("db")
        case "message": return queue.message()
        case "publish": return [queue.publish("results", [1]), results.publish([2])]
        case "unfit": return queue.publish("results", object())
        case "large": return len(os.urandom(20_000_000).hex())
        case "session": return os.getsid(0) != os.getsid(os.getppid())
        case "store":
            kept = store.get("kept")
            kept.set("a", {"b": 1})
            return [kept.get("a"), kept.compare_and_set("c", store.ABSENT, 1)]

def task(body):
    message = queue.message()
    logger.info("begun", attempt=message.attempt, last=message.last_attempt, key=threading.Lock())
    logging.getLogger("library").warning("from a thread: %s", threading.current_thread().name)
    match body:
        case "die": os.kill(os.getpid(), signal.SIGKILL)
        case "hang": time.sleep(600)
        case "reject": raise queue.Reject("never")
        case "ack":
            message.ack()
            raise ValueError("too late")
        case "child":
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
            queue.publish("results", [pid, os.getpid()])
            time.sleep(600)
        case _: queue.publish("results", {"body": body, "headers": message.headers})
"""


def has_ended(pid: int) -> bool:
    """True if there is no such process, or only its exit code."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for_end(*pids: int) -> None:
    eventually(lambda: all(map(has_ended, pids)), within=20)


def is_running(pid: int) -> bool:
    os.kill(pid, 0)
    return not has_ended(pid)
