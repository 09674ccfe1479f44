"""The live feed: four workers, and its page in a real browser."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.blackbox import FREE_PORT, ROOT, SOON, Site, running
from tests.support.browser import browsing

pytestmark = pytest.mark.slow


def copy(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("data", "__pycache__")
    return shutil.copytree(ROOT / "examples" / "live-feed", folder / "live-feed", ignore=ignored)


def room(site: Site, id: int, name: str) -> connect | Any:
    url = site.address.replace("http", "ws", 1)
    return connect(f"{url}/api/stories/{id}/room?name={name}")


def heard_of(client: ClientConnection, name: str = "", text: str = "") -> Any:
    """The next message of somebody, or with a text; others are passed over."""
    while True:
        message = heard(client)
        if message["name"] == name or message.get("text") == text != "":
            return message


def heard(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=SOON))


def test_readers_and_rooms_hear_all_four_workers(tmp_path: Path) -> None:
    with (
        running(copy(tmp_path), FREE_PORT, "--workers", "4") as site,
        contextlib.ExitStack() as opened,
    ):
        clients: list[ClientConnection] = []
        workers: set[int] = set()
        while len(workers) < 4:
            assert len(clients) < 200
            name = f"n{len(clients)}"
            clients.append(opened.enter_context(room(site, 1, name)))
            workers.add(heard_of(clients[-1], name)["worker"])
        for client in clients:
            client.send('{"text": "hello"}')
        for client in clients:  # those of two workers may cross
            texts = [heard_of(client, text="hello")["name"] for _ in clients]
            assert sorted(texts) == sorted(f"n{n}" for n in range(len(clients)))

        feeds = [http.client.HTTPConnection("127.0.0.1", site.port, timeout=SOON) for _ in range(8)]
        for feed in feeds:
            opened.callback(feed.close)
            feed.request("GET", "/api/stories")
        for n in range(5):
            assert site.ask("POST", "/api/stories", {"title": f"story {n}"}).status == 201
        for feed in feeds:
            answer = feed.getresponse()
            lines = iter(answer.readline, b"")
            ids = (line[4:].strip() for line in lines if line.startswith(b"id: "))
            assert [next(ids) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_its_page_publishes_talks_and_returns_after_a_restart(tmp_path: Path, width: int) -> None:
    folder = copy(tmp_path)
    with browsing(tmp_path / "browser") as browser:
        browser.resize(width, 844, dark=width == 390)
        with running(folder, FREE_PORT) as site:
            browser.open(site.address)
            browser.wait_for("feed.dataset.state === 'live'")
            browser.evaluate("publish.title.focus()")
            for letter in "<b>Tea":
                browser.press(letter)
            browser.press("Enter")
            browser.wait_for("document.querySelectorAll('#stories li').length === 1")
            assert browser.evaluate("stories.querySelector('strong').textContent") == "<b>Tea"
            browser.evaluate("stories.querySelector('button').focus()")
            browser.press("Enter")
            browser.wait_for("document.activeElement.matches('[name=name]')")
            for letter in "ann":
                browser.press(letter)
            browser.press("Tab")
            browser.wait_for("line.dataset.state === 'live'")
            with room(site, 1, "bob") as bob:
                assert heard(bob)["name"] == "bob"
                for letter in "hi":
                    browser.press(letter)
                browser.press("Enter")
                assert (heard(bob)["text"]) == "hi"
                browser.wait_for("said.textContent.includes('hi')")
                overflow = "document.documentElement.scrollWidth - innerWidth"
                assert browser.evaluate(overflow) <= 0
                assert browser.complaints == []
            assert site.stop() == 0
        browser.wait_for("line.dataset.state === 'connecting'")
        with running(folder, f"app:gateway:addr=127.0.0.1:{site.port}") as site:
            browser.wait_for("line.dataset.state === 'live' && feed.dataset.state === 'live'")
            assert site.ask("POST", "/api/stories", {"title": "again"}).status == 201
            browser.wait_for("document.querySelectorAll('#stories li').length === 2")
