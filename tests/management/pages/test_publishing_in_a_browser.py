"""Publishing in a real browser: by keys alone, at any width, and without script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.accessibility import faults, too_wide
from tests.support.blackbox import eventually
from tests.support.browser import Browser, browsing
from tests.support.looking import arrive, sign_in, tab_to, type_text
from tests.support.watched import Watched

pytestmark = pytest.mark.slow

SIZES = {"light": (1440, False), "dark": (1440, True), "phone": (390, False), "small": (320, True)}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, shop: Watched) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as it:
        sign_in(it, shop)
        yield it


@pytest.mark.parametrize("size", SIZES)
def test_a_message_is_published_and_looked_at_by_keys_alone(
    browser: Browser, shop: Watched, size: str
) -> None:
    width, dark = SIZES[size]
    browser.resize(width, 900, dark=dark)
    browser.open(f"{shop.address}/queues/app:tasks/publish")
    tab_to(browser, "#body")
    type_text(browser, "{")
    tab_to(browser, "form .btn.main")
    browser.press("Enter")
    arrive(browser, "document.querySelector('[role=alert]') !== null")
    eventually(lambda: browser.evaluate("document.activeElement.id") == "body")
    assert faults(browser) == []
    assert too_wide(browser) == []

    browser.press("End")
    browser.press("}")
    tab_to(browser, "#delay")
    type_text(browser, "1h")
    tab_to(browser, "form .btn.main")
    browser.press("Enter")
    arrive(browser, "document.querySelector('[role=status] a') !== null")
    assert faults(browser) == []
    tab_to(browser, "[role=status] a")
    browser.press("Enter")
    arrive(browser, "location.pathname.includes('/messages/')")
    assert "queued" in browser.evaluate("document.querySelector('h1').textContent")
    assert faults(browser) == []
    assert too_wide(browser) == []
    refused = [each for each in browser.complaints if "400" in each]
    assert browser.complaints == refused


def test_a_message_is_published_without_script(browser: Browser, shop: Watched) -> None:
    browser.scripts(allowed=False)
    try:
        browser.open(f"{shop.address}/queues/app:tasks/publish")
        browser.evaluate(
            "document.querySelector('#body').value = '{}';"
            "document.querySelector('#delay').value = '1h';"
            "document.querySelector('form').submit()"
        )
        arrive(browser, "document.querySelector('[role=status] a') !== null")
    finally:
        browser.scripts(allowed=True)
