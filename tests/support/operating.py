"""The shop of docs/operating.md, running, in trouble after trouble, for its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Thread

from tests.support.blackbox import ROOT, Site, eventually
from tests.support.doc_examples import steps
from tests.support.managing import Managed, managed

PAGE = ROOT / "docs" / "operating.md"
WITHIN = 60.0


def write_shop(folder: Path) -> Path:
    """The files of the shop as the page begins."""
    for step in steps(PAGE):
        if step.action == "edit":
            break
        if step.action == "file" and step.argument.startswith("shop/"):
            file = folder / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
    return folder / "shop"


class Shop:
    """The shop and its management. Each trouble gives the address of the page that shows it."""

    def __init__(self, site: Managed, folder: Path) -> None:
        self._site = site
        self._asked = Site(site.program)
        self._file = folder / "data" / "shop.db"

    def order(self, customer: str, coupon: str | None = "") -> None:
        body = {"customer": customer, "cents": 900, "coupon": coupon}
        self._asked.ask("POST", "/orders", body)

    def full(self) -> str:
        for _ in range(7):
            self.order("far away")
        self._wait("is full")
        return "/"

    def dead(self) -> str:
        self.order("Bob", None)
        self._wait("died")
        return "/dead"

    def slow(self) -> str:
        self._asked.ask("GET", "/sales", headers={"X-Request-ID": "sales-1"})
        eventually(lambda: self._site.get("/api/traces/sales-1").status == 200, WITHIN)
        return "/traces/sales-1"

    def lost(self) -> str:
        self._file.rename(self._file.with_name("elsewhere.db"))
        self.order("Ada")
        self._wait("has failed")
        return "/"

    def blocked(self) -> str:
        Thread(target=self._block, daemon=True).start()
        self._wait("is blocked")
        return "/"

    def _block(self) -> None:
        with suppress(HTTPException):  # the program is ended meanwhile
            self._asked.ask("GET", "/report?seconds=6")

    def address(self, path: str) -> str:
        return f"{self._site.address}{path}"

    def _wait(self, words: str) -> None:
        eventually(lambda: words in self._site.status["verdict"]["say"], WITHIN)


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    written = write_shop(folder)
    with managed(written, "-o", "app:gateway:addr=127.0.0.1:0") as site:
        yield Shop(site, written)
