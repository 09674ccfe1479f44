"""The page of the notes API in a real browser, by keys alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, running
from tests.support.browser import Browser, browsing
from tests.support.notes import KEY, copy

pytestmark = pytest.mark.slow


def write(browser: Browser, text: str) -> None:
    for letter in text:
        browser.press(letter)


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.evaluate(
        f"[...document.querySelectorAll('{selector}')].map((each) => each.textContent)"
    )
    return found


def is_focused(browser: Browser, selector: str) -> None:
    browser.wait_for(f"document.activeElement.matches('{selector}')")


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_a_note_is_written_found_and_deleted_by_keys(tmp_path: Path, width: int) -> None:
    with (
        running(copy(tmp_path), FREE_PORT, env=KEY) as site,
        browsing(tmp_path / "browser") as browser,
    ):
        browser.resize(width, 844, dark=width == 390)
        browser.open(site.address)
        is_focused(browser, "[name=name]")
        write(browser, "ada")
        browser.press("Tab")
        write(browser, "analytical")
        browser.press("Tab")
        browser.press("Tab")
        is_focused(browser, "[value=sign-up]")
        browser.press("Enter")
        browser.wait_for("document.getElementById('empty').textContent")

        for title in ("Tea", "<b>Milk"):
            browser.press("n")
            is_focused(browser, "[name=title]")
            write(browser, title)
            browser.press("Enter")  # saves
            browser.wait_for("document.getElementById('saved').textContent")
            browser.press("Escape")
            is_focused(browser, "#new")
        browser.wait_for("document.querySelectorAll('#list li').length === 2")
        assert texts(browser, "#list strong") == ["<b>Milk", "Tea"]

        browser.press("/")
        write(browser, "tea")
        browser.wait_for("document.querySelectorAll('#list li').length === 1")
        assert texts(browser, "#list strong") == ["Tea"]

        browser.evaluate("document.querySelector('#list button').focus()")
        browser.press("Enter")
        is_focused(browser, "[name=text]")
        browser.evaluate("document.getElementById('delete').focus()")
        browser.press("Enter")
        is_focused(browser, "dialog button")
        browser.press("Enter")
        browser.wait_for("!document.querySelectorAll('#list li').length")

        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.complaints == []
        assert site.stop() == 0
