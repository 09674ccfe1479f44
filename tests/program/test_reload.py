"""SIGHUP: the running program takes over what was edited, and nobody notices."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.program import SOON, Program, running, write_application

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: file://web.py#get}
  - {name: slow, kind: http.endpoint, meta: {router: router}, method: GET, path: /slow, func: file://web.py#slow}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: put}
  - {name: done, kind: http.endpoint, meta: {router: router}, method: GET, path: /done, func: done}
  - {name: ticks, kind: http.endpoint, meta: {router: router}, method: GET, path: /ticks, func: ticks, answer: lines}
  - {name: put, kind: function.python, source: file://web.py, method: put, modules: [queue]}
  - {name: done, kind: function.python, source: file://state.py, method: answer}
  - {name: ticks, kind: function.python, source: file://web.py, method: ticks}
  - {name: feed, kind: http.endpoint, meta: {router: router}, method: GET, path: /feed, func: file://web.py#ticks, answer: sse}
  - {name: talk, kind: http.websocket, meta: {router: router}, path: /talk, func: file://web.py#talk}
  - {name: driver, kind: queue.driver.memory}
  - {name: tasks, kind: queue.queue, driver: driver}
  - {name: worker, kind: queue.consumer, queue: tasks, func: file://work.py#take, lifecycle: {auto_start: true}}
"""  # noqa: E501
MANIFEST = MANIFEST.replace("name: done, kind: http", "name: get_done, kind: http")
MANIFEST = MANIFEST.replace("name: ticks, kind: http", "name: get_ticks, kind: http")
WEB = """
import asyncio
from runtime.modules import queue
from .rules import VERSION
from .state import pulse

async def get(request):
    return {"version": VERSION}

def slow(request):
    import time
    time.sleep(0.005)
    return {"version": VERSION}

async def put(request):
    await queue.publish("tasks", await request.json())
    return {}

async def ticks(request):
    while True:
        await pulse()
        yield VERSION

async def talk(socket):
    async for text in socket:
        await socket.send(f"{VERSION} {text}")
"""
STATE = """
import asyncio

seen = []

async def answer():
    return seen

async def pulse():
    await asyncio.sleep(0.01)
"""
WORK = """
from .rules import VERSION
from .state import seen

async def take(body):
    seen.append(body)
"""
FILES = {"web.py": WEB, "state.py": STATE, "work.py": WORK, "rules.py": "VERSION = 0\n"}
BROKEN = ("VERSION = \n", "1 / 0\n", "import nowhere\n")


class Load:
    """Clients that ask without a pause, and the statuses that they get."""

    def __init__(self, program: Program, clients: int) -> None:
        self.statuses: Counter[str] = Counter()
        self.published = 0
        self._url = program.url("")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=[n]) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._url, timeout=20) as client:
            while not self._stop.is_set():
                for method, path in (("GET", "/"), ("GET", "/slow"), ("POST", "/")):
                    try:
                        status = str(client.request(method, path, json=1).status_code)
                    except httpx.HTTPError as error:
                        status = repr(error)
                    with self._lock:
                        self.statuses[status] += 1
                        self.published += method == "POST" and status == "200"


@contextmanager
def loaded(program: Program, clients: int = 3) -> Iterator[Load]:
    load = Load(program, clients)
    try:
        yield load
    finally:
        load.stop()


@contextmanager
def lines_of(program: Program, path: str) -> Iterator[Iterator[str]]:
    """The lines of an answer that does not end."""
    with httpx.stream("GET", program.url(path), timeout=20) as response:
        yield response.iter_lines()


def reload(program: Program, text: str) -> None:
    """Have it reload, and wait until it says that text once more."""
    before = sum(text in message for message in program.messages)
    program.signal(signal.SIGHUP)
    program.wait_for(
        lambda line: text in line["message"] and sum(text in m for m in program.messages) > before
    )


def test_fifty_reloads_under_load_of_which_ten_are_broken_fail_nothing(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **FILES)
    with (
        running(folder) as program,
        lines_of(program, "/ticks") as ticks,
        lines_of(program, "/feed") as feed,
        connect(program.url("/talk").replace("http", "ws")) as socket,
    ):
        assert (next(ticks), next(feed)) == ("0", "data: 0")
        with loaded(program) as load:
            for number in range(1, 51):
                if number % 5 == 0:
                    (folder / "rules.py").write_text(BROKEN[number % 3])
                    reload(program, "the reload was refused")
                else:
                    (folder / "rules.py").write_text(f"VERSION = {number}\n")
                    reload(program, "reloaded in")
                    assert httpx.get(program.url("/"), timeout=SOON).json() == {"version": number}
                # they keep their function, and their connection
                socket.send(str(number))
                assert socket.recv(SOON) == f"0 {number}"
                assert (next(ticks), next(feed), next(feed)) == ("0", "", "data: 0")
        assert load.statuses.keys() == {"200"}, load.statuses
        while len(httpx.get(program.url("/done"), timeout=SOON).json()) < load.published:
            pass
        assert len(httpx.get(program.url("/done"), timeout=SOON).json()) == load.published
        assert "app:worker has stopped" not in str(program.messages)
        assert program.stop() == 0


def test_a_manifest_with_findings_is_refused_with_all_of_them(tmp_path: Path) -> None:
    folder = write_application(tmp_path / "shop", MANIFEST, **FILES)
    with running(folder) as program:
        (folder / "_index.yaml").write_text(MANIFEST.replace("queue: tasks", "queue: task"))
        reload(program, "the reload was refused")
        assert any("no entry 'app:task'; did you mean" in text for text in program.messages)
        (folder / "_index.yaml").write_text(MANIFEST.replace("path: /slow", "path: /other"))
        reload(program, "reloaded in")
        assert httpx.get(program.url("/other"), timeout=SOON).status_code == 200
        assert httpx.get(program.url("/slow"), timeout=SOON).status_code == 404
        assert program.stop() == 0


def test_the_files_of_the_environment_are_read_again(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("path: /slow", 'path: "/${env:NAME}"')
    folder = write_application(tmp_path / "shop", manifest, **FILES, **{".env": "NAME=one\n"})
    with running(folder, "--env-file", str(folder / ".env")) as program:
        (folder / ".env").write_text("NAME=two\n")
        reload(program, "reloaded in")
        assert httpx.get(program.url("/two"), timeout=SOON).status_code == 200
        assert program.stop() == 0


@pytest.mark.slow
def test_all_workers_reload(tmp_path: Path) -> None:
    lines = [line for line in MANIFEST.splitlines(keepends=True)]
    manifest = "".join(
        each
        for each in lines
        if not any(f"name: {n}," in each for n in ("driver", "tasks", "worker", "put", "post"))
    )
    files = {
        **FILES,
        "web.py": WEB.replace("from runtime.modules import queue\n", "").replace(
            "await queue.publish", "print"
        ),
    }
    folder = write_application(tmp_path / "shop", manifest, **files)
    with running(folder, "--workers", "2") as program:
        (folder / "rules.py").write_text("VERSION = 1\n")
        reload(program, "2 workers")
        workers = [
            line["worker"]
            for line in program.log
            if "reloaded in" in line["message"] and "worker" in line
        ]
        assert workers == [1, 2]
        for _ in range(20):
            assert httpx.get(program.url("/"), timeout=SOON).json() == {"version": 1}

        (folder / "rules.py").write_text("1 / 0\n")
        reload(program, "the first worker could not change")
        (folder / "rules.py").write_text("VERSION = \n")
        reload(program, "rules.py:1")
        (folder / "rules.py").write_text("VERSION = 2\n")
        (folder / "_index.yaml").write_text(manifest.replace("127.0.0.1:0", "127.0.0.1:1"))
        reload(program, "app:gateway: workers that run cannot listen elsewhere")
        for _ in range(20):
            assert httpx.get(program.url("/"), timeout=SOON).json() == {"version": 1}
        assert program.stop() == 0


def test_a_reload_leaves_nothing_of_the_version_before_it_in_memory(tmp_path: Path) -> None:
    manifest = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router}
  - {name: loaded, kind: http.endpoint, method: GET, path: /, func: file://web.py#loaded}
"""
    web = """
import gc
from types import FunctionType
from .rules import VERSION

async def loaded():
    functions = [each for each in gc.get_objects() if type(each) is FunctionType]
    return sorted(each.__globals__["VERSION"] for each in functions if each.__name__ == "loaded")
"""
    files = {"web.py": web, "rules.py": "VERSION = 0\n"}
    folder = write_application(tmp_path / "shop", manifest, **files)
    with running(folder) as program:
        for number in range(1, 6):
            (folder / "rules.py").write_text(f"VERSION = {number}\n")
            reload(program, "reloaded in")
            # the first version is of what the collector does not look at
            assert httpx.get(program.url("/"), timeout=SOON).json() == [number]
        assert program.stop() == 0
