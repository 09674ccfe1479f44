"""The document and the page as a server sends them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import pytest

from runtime.engines.web.openapi.publication import Publication
from runtime.engines.web.openapi.settings import Settings
from runtime.engines.web.routes import Route
from tests.support.operations import INFO, operation
from tests.support.serving import Answer, run, served


class Note(msgspec.Struct):
    """A note. <script>alert(1)</script>"""

    title: str
    parent: Note | None = None


async def create(body: Note, x_tenant: str = "") -> Note:
    """Write a <b>note</b>.

    </p><script>alert("2")</script> It has a `title`.
    """
    raise NotImplementedError


async def get(id: int) -> Note:
    raise NotImplementedError


ROUTES = [
    operation(create, "POST /notes", name="app:create", tags=('"><script>alert(3)</script>',)),
    operation(get, "GET /notes/{id}", name="app:get"),
]


def settings(**fields: Any) -> Settings:
    return Settings(**{"info": INFO, "path": "/openapi.json", "docs": "/docs", **fields})


def ask(path: str, *headers: str, method: str = "GET", given: Settings | None = None) -> Answer:
    """What a client gets from a server with two endpoints."""
    publication = Publication(ROUTES, given or settings(), Path())

    async def main() -> Answer:
        async with served([*ROUTES, *publication.routes("app:gateway")]) as server:
            return await server.get(path, *headers, method=method)

    return run(main())  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_client_that_has_the_present_version_is_not_sent_it_again(path: str) -> None:
    first = ask(path)
    again = ask(path, f'If-None-Match: "other", W/{first["etag"]}')
    changed = ask(path, 'If-None-Match: "other"')
    whole = ask(path, method="HEAD")

    assert (first.status, first["cache-control"]) == (200, "no-cache")
    assert (again.status, again.body, again["etag"]) == (304, b"", first["etag"])
    assert (changed.status, changed.body) == (200, first.body)
    assert (whole.status, whole.body, whole["etag"]) == (200, b"", first["etag"])


def test_the_document_is_json_at_its_path() -> None:
    answer = ask("/api/schema", given=settings(path="/api/schema", docs=None))

    assert answer["content-type"] == "application/json"
    assert [*answer.json()["paths"]] == ["/notes", "/notes/{id}"]
    assert ask("/docs", given=settings(docs=None)).status == 404


def test_it_is_made_once_for_a_set_of_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    described = "runtime.engines.web.openapi.document.describe"

    def describe(routes: Any, *rest: Any) -> dict[str, Any]:
        made.append(routes)
        return {"openapi": "3.1.1"}

    monkeypatch.setattr(described, describe)
    publication = Publication(ROUTES, settings(), Path())

    async def main() -> None:
        async with served(publication.routes("app:gateway")) as server:
            assert made == []
            for _ in range(3):
                assert (await server.get("/openapi.json")).json() == {"openapi": "3.1.1"}

    run(main())
    assert made == [ROUTES]


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def values(self, attribute: str) -> list[str]:
        return [each[attribute] for _, each in self.tags if attribute in each]


def test_nothing_that_an_author_writes_is_markup() -> None:
    page = Page(text := ask("/docs").body.decode())
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]

    assert len(scripts) == 1
    assert [tag for tag, _ in page.tags].count("b") == 1  # around the parameter of a path
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;b&gt;note&lt;/b&gt;" in text
    assert "It has a <code>title</code>." in text


def test_the_page_needs_nothing_that_its_policy_forbids() -> None:
    answer = ask("/docs")
    page = Page(answer.body.decode())
    inline = [name for _, attributes in page.tags for name in attributes if name.startswith("on")]

    assert (
        "default-src 'none'; script-src 'self'; style-src 'self'"
        in answer["content-security-policy"]
    )
    assert "unsafe" not in answer["content-security-policy"]
    assert answer["referrer-policy"] == "no-referrer"
    assert answer["x-content-type-options"] == "nosniff"
    assert inline == page.values("style") == []
    assert not any(tag == "style" for tag, _ in page.tags)


def test_ids_are_unique_and_links_lead_to_them() -> None:
    page = Page(ask("/docs").body.decode())
    ids = page.values("id")
    targets = [link[1:] for link in page.values("href") if link.startswith("#")]

    assert len(ids) == len({*ids})
    assert {*targets, *page.values("for")} <= {*ids}
    assert "op-create" in targets
    assert "schema-Note" in targets


@pytest.mark.parametrize("docs", ["/docs", "/internal/api/docs"])
def test_assets_are_found_from_the_page_and_never_change(docs: str) -> None:
    given = settings(docs=docs)
    page = Page(ask(docs, given=given).body.decode())
    folder = docs.rpartition("/")[0]
    links = [*page.values("src"), *(each for each in page.values("href") if "." in each)]
    paths = {resolve(folder, link) for link in links}
    kinds = {}
    for path in paths - {"/openapi.json"}:
        answer = ask(path, given=given)
        assert answer["cache-control"] == "public, max-age=31536000, immutable"
        kinds[Path(path).suffix] = answer["content-type"]

    assert "/openapi.json" in paths
    assert all(re.search(r"-[0-9a-f]{12}\.\w+$", path) for path in paths - {"/openapi.json"})
    assert kinds == {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }


def resolve(folder: str, link: str) -> str:
    """The path that a relative link names, from a page in that folder."""
    return urljoin(f"{folder}/page", link)


def test_a_server_without_endpoints_has_a_page_too() -> None:
    publication = Publication([], settings(), Path())

    async def main() -> Answer:
        async with served(publication.routes("app:gateway")) as server:
            return await server.get("/docs")

    answer = run(main())
    assert answer.status == 200
    assert b"no endpoints" in answer.body


def test_the_form_begins_with_an_example_that_the_handler_takes() -> None:
    text = ask("/docs").body.decode()
    (body,) = re.findall(r'<textarea[^>]*data-in="body"[^>]*>(.*?)</textarea>', text, re.DOTALL)
    (plain,) = re.findall(
        r'<pre class="code"[^>]*>(.*?)</pre>', text.partition('id="op-get"')[0], re.DOTALL
    )

    assert body == plain
    assert msgspec.json.decode(body.replace("&quot;", '"'), type=Note) == Note("text")
    assert json.loads(body.replace("&quot;", '"'))["parent"] is None


def test_routes_of_the_document_are_no_operations() -> None:
    publication = Publication(ROUTES, settings(), Path())

    assert all(isinstance(each, Route) for each in publication.routes("app:gateway"))
    assert [each.operation for each in publication.routes("app:gateway")] == [None] * 5
