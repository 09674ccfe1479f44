"""Watched: an application with all that the dashboard shows, some of it broken."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.blackbox import Reply, Site, eventually
from tests.support.managing import Managed, managed
from tests.support.program import SOON, write_application

TOKEN = "correct-horse-battery"
CANARY = "canary-7f3a9c21"
"""A secret, which must be seen nowhere."""
SCRIPT = "<script>document.title = 'pwned'</script><img src=x onerror=\"document.title='pwned'\">"

MANIFEST = f"""
namespace: app
entries:
  # a comment with {SCRIPT}
  - {{name: db, kind: db.sql.sqlite, file: ./data/tasks.db, lifecycle: {{auto_start: true}}}}
  - {{name: driver, kind: queue.driver.sql, database: db, lifecycle: {{auto_start: true}}}}
  - name: tasks
    kind: queue.queue
    driver: driver
    dead_letter: {{max_attempts: 1}}
  - {{name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {{auto_start: true}}}}
  - {{name: router, kind: http.router, meta: {{server: gateway}}}}
  - name: create
    kind: http.endpoint
    meta: {{router: router}}
    method: POST
    path: /tasks
    func: file://tasks.py#create
  - name: work
    kind: queue.consumer
    queue: tasks
    func: file://tasks.py#work
    concurrency: 2
    lifecycle: {{auto_start: true}}
  - name: nightly
    kind: schedule.cron
    cron: "30 2 * * 1-5"
    zone: Europe/Berlin
    queue: tasks
    body: {{}}
    lifecycle: {{auto_start: true}}
  - name: token
    kind: auth.jwt
    algorithms: [HS256]
    secret: "${{secret:jwt}}"
"""
PAGES = (
    "/",
    "/queues",
    "/queues/app:tasks",
    "/queues/app:tasks/messages?state=ready",
    "/queues/app:tasks/publish",
    "/dead",
    "/errors",
    "/traces",
    "/log",
    "/schedules",
    "/services",
    "/services/app:work",
    "/entries",
    "/entries/app:tasks",
    "/login",
)
UNKNOWN = "/queues/app:none"
"""A page that is not there."""
TASKS = """
import asyncio

from runtime.modules import http, queue

async def create(request: http.Request):
    return {"id": await queue.publish("tasks", await request.json(), {"tenant": "acme"})}

async def work(task: dict):
    if "fail" in task:
        raise ValueError(task["fail"])  # the line that fails
    if "reject" in task:
        raise queue.Reject(task["reject"])
    await asyncio.sleep(task.get("seconds", 0))
"""


class Watched:
    """The application and its management."""

    def __init__(self, site: Managed) -> None:
        self.site = site
        self.address = site.address
        self._asked = Site(site.program)
        self.cookie = ""
        """That of who has signed in."""

    def publish(self, *tasks: dict[str, object]) -> None:
        for task in tasks:
            assert self._asked.ask("POST", "/tasks", task).status == 200

    def page(self, path: str) -> str:
        """A page, as somebody sees it who has signed in, or not."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        reply = self.site.ask("GET", path, None, headers)
        assert reply.status == 200, (path, reply.status, reply.body)
        return reply.body.decode()

    def sign_in(self) -> None:
        reply = self.post("/login", {"token": TOKEN})
        assert reply.status == 303, reply.body
        self.cookie = reply.headers["Set-Cookie"].partition(";")[0]

    def send(self, page: str, label: str, **typed: str) -> Reply:
        """Send the form of a button on a page, as a browser without script does. The label may be
        the beginning of the button's.
        """
        for form in re.findall(r"<form[^>]*action=\"/act\".*?</form>", self.page(page), re.DOTALL):
            if f"<span>{label}" in form:
                fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
                return self.post("/act", fields | typed)
        raise AssertionError(f"no button '{label}' on {page}")

    def post(self, path: str, fields: dict[str, str]) -> Reply:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.address,
            "Cookie": self.cookie,
        }
        return self.site.ask("POST", path, urlencode(fields), headers)

    def told(self, address: str, event: str) -> Iterator[Any]:
        """What a stream tells in events of that name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=SOON)
        connection.request("GET", address)
        response = connection.getresponse()
        assert response.headers["X-Accel-Buffering"] == "no"
        name = ""
        with closing(connection):
            while True:
                field, _, value = response.fp.readline().decode().strip().partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and name == event:
                    yield json.loads(value)

    @property
    def payload(self) -> str:
        """The address of the payload that the page of dead letters links to, for who may act."""
        found = re.search(r'href="(/queues/[^"]+/payload)"', self.page("/dead"))
        assert found is not None
        return found[1]

    @property
    def failed_trace(self) -> str:
        """The address of a trace that failed."""
        page = eventually(lambda: "failed</span>" in (text := self.page("/traces")) and text, SOON)
        found = re.search(r'href="(/traces/[0-9a-f]{32})"', page)
        assert found is not None
        return found[1]

    @property
    def queue(self) -> Any:
        """The status of its queue."""
        (found,) = self.site.status["queues"]
        return found

    def dead(self) -> int:
        return int(self.queue["dead"] or 0)


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """The application, running, with three dead letters of two causes."""
    write_application(folder / "shop", MANIFEST, **{"tasks.py": TASKS})
    env = {"RUNTIME_TOKEN": TOKEN, "jwt": CANARY * 4}
    with managed(folder / "shop", env=env) as site:
        found = Watched(site)
        found.publish({"fail": SCRIPT}, {"reject": "no stock"}, {"fail": SCRIPT, "note": CANARY})
        eventually(lambda: found.dead() == 3, SOON)
        yield found
