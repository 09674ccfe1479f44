"""The pages of the dashboard in a real browser, as wide as a desk and as narrow as a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.accessibility import too_wide
from tests.support.browser import Browser, browsing
from tests.support.watched import PAGES, UNKNOWN, Watched

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(shop: Watched) -> Watched:
    """One that has done some work."""
    shop.publish(*({"seconds": 0.02} for _ in range(20)))
    return shop


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as it:
        yield it


@pytest.mark.parametrize("width", [1440, 900, 941, 390, 320])
@pytest.mark.parametrize("path", [*PAGES, UNKNOWN])
def test_no_page_scrolls_sideways(browser: Browser, shop: Watched, path: str, width: int) -> None:
    browser.resize(width, 800)
    browser.open(shop.address + path)

    assert too_wide(browser) == []


@pytest.mark.parametrize("width", [900, 941, 390])
def test_no_queue_is_too_busy_for_its_row(browser: Browser, shop: Watched, width: int) -> None:
    browser.resize(width, 800)
    browser.open(shop.address + "/queues")
    rates = "[...document.querySelectorAll('td')].find((cell) => cell.textContent.includes('/s,'))"
    browser.evaluate(f"{rates}.textContent = '1,284.4/s, 1,288.8/s'")

    assert too_wide(browser) == []


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("path", ["/queues", "/services", "/schedules", "/entries", "/errors"])
def test_no_name_is_too_long_for_its_row(
    browser: Browser, shop: Watched, path: str, width: int
) -> None:
    browser.resize(width, 800)
    browser.open(shop.address + path)
    names = "document.querySelectorAll('td .name').forEach((name) => name.textContent = "
    browser.evaluate(f"{names}'app.billing:outgoing_reminders')")

    assert too_wide(browser) == []


def test_words_in_place_of_messages_keep_away_from_the_edge(
    browser: Browser, shop: Watched
) -> None:
    browser.open(f"{shop.address}/queues/app:tasks")
    browser.evaluate(
        "document.querySelector('[data-part=messages]').innerHTML = '<p class=empty>None.</p>'"
    )
    padding = "getComputedStyle(document.querySelector('[data-part=messages] .empty')).paddingLeft"
    assert browser.evaluate(padding) == "16px"
