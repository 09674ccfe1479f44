"""The page in a real browser: under its policy, by keys, on phones, and without its script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accessibility import faults, too_wide
from tests.support.blackbox import FREE_PORT, Site, running, write_files
from tests.support.browser import Browser, browsing

pytestmark = pytest.mark.slow

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", openapi: true, lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: echo, kind: http.endpoint, meta: {router: router}, method: POST, path: "/echo/{id}/{rest...}", func: "file://echo.py#echo"}
  - {name: plain, kind: http.endpoint, meta: {router: router}, method: GET, path: /plain, func: "file://echo.py#plain"}
"""  # noqa: E501
ECHO = '''
async def echo(request):
    """Send back <script>alert(1)</script> what came."""
    return {
        "path": dict(request.path_params),
        "query": request.query_params.multi_items(),
        "token": request.headers.get("authorization"),
        "extra": request.headers.get("x-extra"),
        "body": (await request.body()).decode(),
    }


async def plain(request):
    return "no <b>markup</b>"
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with running(write_files(folder, {"_index.yaml": MANIFEST, "echo.py": ECHO}), FREE_PORT) as it:
        yield it


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as it:
        yield it


@pytest.fixture
def browser(chromium: Browser, site: Site) -> Browser:
    """The browser, at the page, on a desk."""
    chromium.scripts(allowed=True)
    chromium.resize(1440, 900)
    chromium.complaints.clear()
    chromium.open(f"{site.address}/docs")
    return chromium


def send(browser: Browser, id: str, fill: str) -> Any:
    """Fill in a form with the fields of `at` and send it. The text of the answer."""
    browser.evaluate(
        f"""(() => {{
          const form = document.querySelector('#op-{id} form');
          const at = (place) => form.querySelector(`[data-in="${{place}}"]`);
          {fill};
          form.requestSubmit();
        }})()"""
    )
    return browser.wait_for(f"document.querySelector('#op-{id} output .line')?.innerText") and (
        browser.evaluate(f"document.querySelector('#op-{id} output > pre')?.textContent")
    )


@pytest.mark.parametrize("width", [1440, 768, 390, 320])
def test_the_page_fits_and_the_console_says_nothing(browser: Browser, width: int) -> None:
    for dark in (False, True):
        browser.resize(width, 800, dark=dark)
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        assert browser.evaluate("document.styleSheets.length") == 1
    assert browser.complaints == []


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_can_be_used_by_everybody(browser: Browser, width: int, dark: bool) -> None:
    browser.resize(width, 800, dark=dark)
    send(browser, "plain", "")
    browser.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")

    assert faults(browser) == []
    assert too_wide(browser) == []


def test_a_request_is_sent_as_the_form_says_and_its_answer_is_shown(browser: Browser) -> None:
    text = send(
        browser,
        "echo",
        """document.querySelector('[data-do=token]').value = 's3cret';
           form.querySelector('[data-name=id]').value = 'a/b ü?';
           form.querySelector('[data-name=rest]').value = 'c d/e';
           at('body').value = '{"n": 12345678901234567890}';
           at('raw-query').value = 'q=1&q=2';
           at('raw-headers').value = 'X-Extra: more: of it'""",
    )
    line = browser.evaluate("document.querySelector('#op-echo output .line').innerText")

    assert line.startswith("200 OK")
    assert json.loads(text) == {
        "path": {"id": "a/b ü?", "rest": "c d/e"},
        "query": [["q", "1"], ["q", "2"]],
        "token": "Bearer s3cret",
        "extra": "more: of it",
        "body": '{"n": 12345678901234567890}',
    }
    assert "content-type: application/json" in browser.evaluate(
        "document.querySelector('#op-echo output details pre').textContent"
    )
    assert browser.complaints == []


def test_an_answer_is_text_and_never_markup(browser: Browser) -> None:
    assert send(browser, "plain", "") == "no <b>markup</b>"
    assert browser.evaluate("document.querySelector('#op-plain output b')") is None


def test_a_request_that_cannot_be_sent_is_told(browser: Browser) -> None:
    browser.evaluate(
        """(() => {
          const form = document.querySelector('#op-plain form');
          form.querySelector('[data-in=raw-headers]').value = 'bad name: x';
          form.requestSubmit();
        })()"""
    )
    assert "not sent" in browser.wait_for("document.querySelector('#op-plain output').innerText")


def test_keys_reach_everything(browser: Browser) -> None:
    browser.press("/")
    for key in "echo":
        browser.press(key)
    shown = "[...document.querySelectorAll('article.op')].filter(e => !e.hidden).map(e => e.id)"
    assert browser.wait_for(f"({shown}).length == 1 && {shown}") == ["op-echo"]

    browser.evaluate("document.querySelector('#op-echo [type=submit]').focus()")
    browser.press("Enter")
    assert "200" in browser.wait_for("document.querySelector('#op-echo output .line')?.innerText")


def test_the_theme_is_kept(browser: Browser, site: Site) -> None:
    color = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(color)
    browser.evaluate("document.querySelector('[data-do=theme]').click()")
    dark = browser.evaluate(color)
    browser.open(f"{site.address}/docs")

    assert browser.evaluate(color) == dark != light
    browser.evaluate("localStorage.clear()")


def test_without_its_script_the_page_is_to_be_read(browser: Browser, site: Site) -> None:
    form = "getComputedStyle(document.querySelector('#op-echo form')).display"
    assert browser.evaluate(form) == "block"

    browser.scripts(allowed=False)
    browser.open(f"{site.address}/docs")

    assert browser.evaluate(form) == "none"
    assert "Send back <script>" in browser.evaluate("document.body.innerText")


def test_a_picture_can_be_taken(browser: Browser, tmp_path: Path) -> None:
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
