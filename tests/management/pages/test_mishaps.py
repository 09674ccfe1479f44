"""Errors: a page for whoever looks in a browser, a problem document for everybody else."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from tests.support.watched import PAGES, Watched

pytestmark = pytest.mark.slow

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WRONG = [
    ("/nothing", 404, "Nothing is served at &#x27;/nothing&#x27;.", None),
    ("/queues/x/y", 404, "Nothing is served at &#x27;/queues/x/y&#x27;.", "/queues"),
    ("/overview", 404, "Nothing is served at &#x27;/overview&#x27;.", None),
    ("/queues/this%20path", 404, "There is no queue &#x27;this path&#x27;.", "/queues"),
    ("/queues/app:none", 404, "There is no queue &#x27;app:none&#x27;.", "/queues"),
    ("/queues/app:tasks/messages/none", 404, "none", "/queues"),
    ("/queues/app:tasks/messages?state=odd", 400, "odd", "/queues"),
    ("/traces/none", 404, "No trace, request or message &#x27;none&#x27; is", "/traces"),
    ("/services/app:none", 404, "There is no service &#x27;app:none&#x27;.", "/services"),
    ("/entries/app:none", 404, "There is no entry &#x27;app:none&#x27;.", "/entries"),
    ("/dead?queue=app:none", 404, "There is no queue &#x27;app:none&#x27;", "/dead"),
    ("/log?level=odd", 400, "odd", "/log"),
    ("/act", 405, "GET is not served at &#x27;/act&#x27;.", None),
    ("/%ff", 400, "The path is not UTF-8.", None),
]


@pytest.mark.parametrize(("path", "status", "told", "near"), WRONG)
def test_a_browser_is_shown_a_page_with_the_ways_on(
    shop: Watched, path: str, status: int, told: str, near: str | None
) -> None:
    reply = shop.site.get(path, **BROWSER)
    page = reply.body.decode()

    assert (reply.status, reply.headers.get_content_type()) == (status, "text/html")
    assert told in page
    assert '<nav class="rail"' in page
    assert page.count("Back to the overview") == 1
    assert 'href="/">Back to the overview</a>' in page
    if near is not None:
        assert f'<p><a class="link" href="{near}">' in page
        assert re.search(f'href="{near}"[^>]* aria-current="page"', page)


@pytest.mark.parametrize(("path", "status", "told", "near"), WRONG)
@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0, */*"])
def test_everybody_else_is_told_by_a_problem_document(
    shop: Watched, path: str, status: int, told: str, near: str | None, accept: str
) -> None:
    reply = shop.site.get(path, Accept=accept)

    assert (reply.status, json.loads(reply.body)["status"]) == (status, status)
    assert reply.headers.get_content_type() == "application/problem+json"


def test_the_head_of_a_page_is_that_of_the_page(shop: Watched) -> None:
    head, page = (shop.site.ask(method, "/nothing", headers=BROWSER) for method in ("HEAD", "GET"))

    assert (head.status, head.body) == (404, b"")
    assert head.headers.get_content_type() == "text/html"
    assert page.status == 404


@pytest.mark.parametrize("accept", ["TEXT/HTML", "text/html;level=1, */*;q=0.1"])
def test_whoever_takes_html_is_shown_a_page(shop: Watched, accept: str) -> None:
    assert shop.site.get("/nothing", Accept=accept).headers.get_content_type() == "text/html"


@pytest.mark.parametrize("path", ["/api/nothing", "/api/queues/app:none", "/api/traces/none"])
def test_the_api_answers_a_browser_in_json_too(shop: Watched, path: str) -> None:
    reply = shop.site.get(path, **BROWSER)

    assert (reply.status, json.loads(reply.body)["status"]) == (404, 404)


def test_the_page_of_a_wrong_method_says_which_there_are(shop: Watched) -> None:
    assert shop.site.get("/act", **BROWSER).headers["Allow"] == "OPTIONS, POST"


def test_a_form_that_is_out_of_date_is_answered_with_a_page(shop: Watched) -> None:
    shop.sign_in()
    fields = {"operation": "dead.drop", "queue": "app:tasks", "cause": "x", "form_token": "wrong"}
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": shop.address}
    headers = {**BROWSER, **form, "Cookie": shop.cookie}
    reply = shop.site.ask("POST", "/act", urlencode(fields), headers)

    assert (reply.status, reply.headers.get_content_type()) == (403, "text/html")
    assert "The form is out of date; load the page again." in reply.body.decode()


def test_an_address_runs_nothing_in_its_own_page(shop: Watched) -> None:
    page = shop.site.get("/%3Cscript%3Ealert(1)%3C%2Fscript%3E", **BROWSER).body.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("path", PAGES)
def test_what_is_there_is_a_page_for_everybody(shop: Watched, path: str) -> None:
    for headers in (BROWSER, {}):
        reply = shop.site.get(path, **headers)
        assert (reply.status, reply.headers.get_content_type()) == (200, "text/html")
