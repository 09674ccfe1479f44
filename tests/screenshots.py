"""The pictures of the documentation: `python -m tests.screenshots` writes them to docs/images.

Those of docs/operating.md show a program that is in trouble. The others show a made-up night, drawn
by the pages themselves. Both are taken by the browser that the tests use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from runtime.engines.management.letters import groups
from runtime.engines.management.logs import Wanted
from runtime.engines.management.pages import (
    dead_letters,
    entries,
    log,
    messages,
    overview,
    queues,
    services,
    traces,
)
from runtime.engines.management.pages.assets import assets
from runtime.engines.management.pages.flow import Flow
from tests.support import night, night_log, night_queue
from tests.support.blackbox import ROOT
from tests.support.browser import Browser, browsing
from tests.support.operating import shop

FOLDER = ROOT / "docs" / "images"


def pages() -> Mapping[str, str]:
    """The pages of the night, by their addresses."""
    sight, acting = night.sight(), night.sight(may_act=True)
    (found,) = groups(night.LETTERS)
    (queue,) = sight.snapshot.queues
    consumer = next(each for each in sight.snapshot.services if each.workers is not None)
    wanted = Wanted(log.related(sight.catalog, consumer.id))
    said = log.beside(sight, night_log.LINES, wanted, "/service")
    return {
        "/": overview.render(sight, Flow()),
        "/queue": queues.render_one(
            acting, queue, messages.first(acting, queue, night_queue.MESSAGES)
        ),
        "/dead": dead_letters.render(
            acting, [found], found, found.newest, night.SOURCE, is_traced=True
        ),
        "/trace": traces.render_one(sight, night.TRACE),
        "/service": services.render_one(acting, consumer, said),
        "/entry": entries.render_one(sight, sight.catalog.entries["app:tasks_queue"]),
    }


PICTURES = {
    "dashboard": ("/", 1280, False),
    "dashboard-dark": ("/", 1280, True),
    "dashboard-phone": ("/", 390, False),
    "dashboard-queue": ("/queue", 1280, False),
    "dashboard-trace": ("/trace", 1280, False),
    "dashboard-dead": ("/dead", 1280, False),
    "dashboard-service": ("/service", 1280, False),
}
"""The page, its width, and whether it is dark."""

TROUBLES = ("full", "dead", "slow", "blocked", "lost")
"""Those of docs/operating.md of which there is a picture."""


@contextmanager
def serving(found: Mapping[str, str]) -> Iterator[str]:
    """The address at which the pages are."""
    answers = {path: ("text/html; charset=utf-8", page.encode()) for path, page in found.items()}
    answers |= {each.address: (each.media_type, each.data) for each in assets().values()}
    closing = Event()
    answers["/events"] = ("text/event-stream", b"retry: 600000\n\n")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            kind, data = answers.get(path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(data)
            if self.path.startswith("/events"):  # else a page says that its stream has ended
                closing.wait()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        closing.set()
        server.shutdown()


def show(browser: Browser, trouble: str) -> None:
    """Cause a trouble, and take a picture of the page that shows it."""
    with tempfile.TemporaryDirectory() as folder, shop(Path(folder)) as troubled:
        path = getattr(troubled, trouble)()
        browser.resize(1100, 620)
        browser.open(troubled.address(path))
        picture = FOLDER / f"operating-{trouble}.webp"
        browser.screenshot(picture)
    print(picture.relative_to(ROOT))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browsing(Path(folder)) as browser:
        with serving(pages()) as address:
            for name, (path, width, dark) in PICTURES.items():
                browser.resize(width, 800, dark=dark)
                browser.open(address + path)
                height = browser.evaluate("document.documentElement.scrollHeight")
                browser.resize(width, height, dark=dark)
                browser.screenshot(FOLDER / f"{name}.webp")
                print(f"docs/images/{name}.webp")
        for trouble in TROUBLES:
            show(browser, trouble)


if __name__ == "__main__":
    main()
