"""Looking: somebody at a browser who uses the dashboard: signs in, and goes by keys alone."""

from __future__ import annotations

from tests.support.blackbox import eventually
from tests.support.browser import Browser
from tests.support.program import SOON
from tests.support.watched import TOKEN, Watched

MOST_TABS = 80


def arrive(browser: Browser, condition: str) -> None:
    """Wait for a page that is loaded and of which the condition, an expression, is true."""
    there = f"document.readyState === 'complete' && ({condition})"
    eventually(lambda: browser.evaluate(there), SOON)


def sign_in(browser: Browser, shop: Watched) -> None:
    """Give the token, and arrive at the overview."""
    browser.open(f"{shop.address}/login")
    browser.evaluate(
        f"document.querySelector('#token').value = '{TOKEN}';"
        "document.querySelector('form').submit()"
    )
    arrive(browser, "location.pathname === '/'")


def tab_to(browser: Browser, selector: str) -> None:
    """Press Tab until the element of that selector has the focus."""
    for _ in range(MOST_TABS):
        if browser.evaluate(f"document.activeElement.matches({selector!r})"):
            return
        browser.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


def type_text(browser: Browser, text: str) -> None:
    """Press a key for each character."""
    for key in text:
        browser.press(key)
