"""The dashboard in a real browser: read by all, by keys, on phones, and without its script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.accessibility import faults, too_wide
from tests.support.browser import Browser, browsing
from tests.support.looking import sign_in
from tests.support.watched import PAGES, UNKNOWN, Watched

pytestmark = pytest.mark.slow

SIZES = {"light": (1440, False), "dark": (1440, True), "phone": (390, False)}


@pytest.fixture(scope="module")
def shop(shop: Watched) -> Watched:
    shop.publish(*({"seconds": 0.02} for _ in range(20)))
    return shop


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as it:
        yield it


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.scripts(allowed=True)
    chromium.resize(1440, 900)
    chromium.complaints.clear()
    return chromium


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", [*PAGES, UNKNOWN])
def test_a_page_can_be_used_by_everybody(
    browser: Browser, shop: Watched, path: str, size: str
) -> None:
    width, dark = SIZES[size]
    browser.resize(width, 900, dark=dark)
    browser.open(shop.address + path)

    assert faults(browser) == []
    not_found = [each for each in browser.complaints if "404" in each]
    assert browser.complaints == not_found
    assert len(not_found) == path.endswith("none")


@pytest.mark.parametrize("size", SIZES)
def test_a_trace_can_be_used_by_everybody(browser: Browser, shop: Watched, size: str) -> None:
    width, dark = SIZES[size]
    browser.resize(width, 900, dark=dark)
    browser.open(shop.address + shop.failed_trace)

    assert faults(browser) == []
    assert too_wide(browser) == []
    browser.evaluate("[...document.querySelectorAll('a.sp')].at(-1).focus()")
    browser.press("Enter")
    shown = "[...document.querySelectorAll('[data-span]')].filter((box) => !box.hidden)"
    assert browser.evaluate(f"{shown}.length") == 1
    assert browser.complaints == []


def test_a_stream_that_is_lost_is_seen_on_a_phone_too(browser: Browser, shop: Watched) -> None:
    browser.resize(390, 800)
    browser.open(f"{shop.address}/")
    dot = "getComputedStyle(document.querySelector('.pulse i')).backgroundColor"
    browser.wait_for("document.querySelector('.pulse').textContent === 'live'")
    well = browser.evaluate(dot)
    browser.evaluate("document.querySelector('.pulse').dataset.state = 'lost'")

    assert browser.evaluate(dot) != well


def test_keys_lead_from_page_to_page(browser: Browser, shop: Watched) -> None:
    browser.open(f"{shop.address}/")
    for key, path in (("q", "/queues"), ("d", "/dead"), ("s", "/services"), ("n", "/entries")):
        browser.press("g")
        browser.press(key)
        browser.wait_for(f"location.pathname === '{path}' && document.readyState === 'complete'")

    browser.press("/")
    assert browser.evaluate("document.activeElement.name") == "find"
    for key in "gateway":
        browser.press(key)
    shown = "[...document.querySelectorAll('tbody tr')].filter((row) => !row.hidden)"
    assert browser.evaluate(f"{shown}.length") == 1
    assert browser.evaluate("location.pathname") == "/entries"  # g and w are letters here


def test_tab_reaches_the_content_first_and_a_card_opens_by_enter(
    browser: Browser, shop: Watched
) -> None:
    browser.open(f"{shop.address}/")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "Skip to the content"
    browser.evaluate("document.querySelector('.map.flat a[href=\"/queues/app:tasks\"]').focus()")
    browser.press("Enter")
    browser.wait_for("location.pathname === '/queues/app:tasks'")


def test_nothing_that_was_stored_is_run(browser: Browser, shop: Watched) -> None:
    for path in (*PAGES, UNKNOWN):
        browser.open(shop.address + path)
        assert browser.evaluate("document.title") != "pwned"


RECORDED = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(...given) { super(...given); window.streams.push(this); }
};
"""
LOOK = """
Object.defineProperty(document, "hidden", { value: HIDDEN, configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""


def test_one_stream_is_open_while_the_page_is_looked_at_and_none_else(
    browser: Browser, shop: Watched
) -> None:
    with browser.before_pages(RECORDED):
        browser.open(f"{shop.address}/")
        browser.wait_for("window.streams.length === 1 && window.streams[0].readyState === 1")
        browser.evaluate(LOOK.replace("HIDDEN", "true"))
        assert browser.evaluate("window.streams[0].readyState") == 2
        browser.evaluate(LOOK.replace("HIDDEN", "false"))
        browser.wait_for("window.streams.length === 2 && window.streams[1].readyState === 1")


PLAYED = """
const told = new EventTarget();
window.EventSource = class { addEventListener(...given) { told.addEventListener(...given); } close() {} };
let now = Date.now(), turn = 0;
Date.now = () => now;
window.fetch = async () => {
  const page = document.documentElement.outerHTML.replaceAll('points="0,30 ', `points="0,${30 + turn % 7} `);
  return new Response(page, { status: 200 });
};
window.play = async (seconds) => {
  for (let second = 0; second < seconds; second++) {
    now += 1000; turn += 1;
    const data = JSON.stringify({ waiting: String(turn), verdict: `Turn ${turn}.`, "http.rate": String(turn % 9) });
    told.dispatchEvent(new MessageEvent("live", { data }));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
};
"""  # noqa: E501


def test_an_hour_of_changes_takes_no_more_memory_than_a_few_minutes(
    browser: Browser, shop: Watched
) -> None:
    with browser.before_pages(PLAYED):
        browser.open(f"{shop.address}/")
        browser.evaluate("play(300)")
        assert browser.evaluate("document.querySelector('.say').textContent") == "Turn 300."
        before = browser.heap
        for _ in range(55):  # each within the patience of a busy machine
            browser.evaluate("play(60)")
        grown = browser.heap - before

    assert browser.complaints == []
    assert grown < before * 0.1


def test_the_log_grows_no_longer_than_a_page_however_long_it_is_open(
    browser: Browser, shop: Watched
) -> None:
    line = '<li data-find="x"><time></time><span></span><div>line NUMBER</div></li>'
    with browser.before_pages(PLAYED):
        browser.open(f"{shop.address}/log")
        browser.evaluate(
            "for (let n = 1; n <= 500; n++) told.dispatchEvent(new MessageEvent('log', "
            f"{{ data: JSON.stringify({line!r}.replace('NUMBER', n)) }}))"
        )
    shown = "document.querySelector('[data-log]').children"
    assert browser.evaluate(f"{shown}.length") == 200
    assert browser.evaluate(f"{shown}[0].textContent") == "line 500"
    assert browser.complaints == []


def test_lines_of_the_log_appear_as_they_are_written_and_only_once(
    browser: Browser, shop: Watched
) -> None:
    browser.open(f"{shop.address}/log?entry=app:work&level=error")
    before = browser.evaluate("document.querySelectorAll('[data-log] li').length")
    shop.publish({"fail": "as it is written"})
    browser.wait_for(f"document.querySelectorAll('[data-log] li').length === {before + 1}")
    first = "document.querySelector('[data-log] li').textContent"
    assert "as it is written" in browser.evaluate(first)

    browser.evaluate(LOOK.replace("HIDDEN", "true"))
    shop.publish({"fail": "while nobody looked"})
    browser.evaluate(LOOK.replace("HIDDEN", "false"))
    browser.wait_for(f"{first}.includes('while nobody looked')")
    assert browser.evaluate("document.querySelectorAll('[data-log] li').length") == before + 2


def test_texts_and_pictures_follow_the_application(browser: Browser, shop: Watched) -> None:
    browser.open(f"{shop.address}/queues/app:tasks")
    browser.evaluate("window.before = document.querySelector('[data-part=states]').outerHTML")
    shop.sign_in()
    shop.send("/queues/app:tasks", "Pause")
    shop.publish({}, {}, {})

    ready = "document.querySelector('[data-live=\"ready app:tasks\"]').textContent"
    browser.wait_for(f"Number({ready}) > 0")
    browser.wait_for("document.querySelector('[data-part=states]').outerHTML !== window.before")
    shop.send("/queues/app:tasks", "Resume")


def test_the_theme_is_kept(browser: Browser, shop: Watched) -> None:
    browser.open(f"{shop.address}/")
    browser.evaluate("document.querySelector('[data-do=theme]').click()")
    browser.open(f"{shop.address}/queues")

    assert browser.evaluate("document.documentElement.dataset.theme") == "dark"
    browser.evaluate("localStorage.clear()")


def test_without_script_everything_is_there(browser: Browser, shop: Watched) -> None:
    browser.scripts(allowed=False)
    browser.open(f"{shop.address}/")
    text = browser.evaluate("document.body.innerText")
    assert "Everything runs." in text
    pulse = browser.evaluate("document.querySelector('.pulse').innerText")
    assert re.fullmatch(r"as of \d\d:\d\d:\d\d", pulse)  # nothing changes on it
    assert browser.evaluate("document.querySelectorAll('.map.flat a').length") >= 5

    browser.open(f"{shop.address}/entries?find=gateway")
    visible = "[...document.querySelectorAll('tbody tr')].filter((row) => row.offsetHeight).length"
    assert browser.evaluate(visible) == 1


def test_who_signs_in_may_act_also_without_script(browser: Browser, shop: Watched) -> None:
    browser.scripts(allowed=False)
    sign_in(browser, shop)
    browser.open(f"{shop.address}/schedules")
    assert not browser.evaluate("document.querySelector('form .btn').disabled")
    browser.evaluate("document.querySelector('form[action=\"/act\"]').submit()")
    shop.site.program.wait_for("app:nightly: fired by hand")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("script", [True, False])
def test_no_title_of_the_graph_runs_under_the_sign_beside_it(
    browser: Browser, shop: Watched, width: int, script: bool
) -> None:
    browser.scripts(allowed=script)
    browser.resize(width, 900)
    browser.open(shop.address)
    browser.evaluate(
        "document.querySelectorAll('.map .t').forEach((title) => title.textContent = 'WWWWWWWWWW');"
        "dispatchEvent(new Event('resize'))"
    )
    found = browser.evaluate("""
        [...document.querySelectorAll('.map a')].filter((card) => card.getClientRects().length)
        .map((card) => {
          const end = (one) => one.getBoundingClientRect().right;
          const title = card.querySelector('.t'), room = title.parentNode;
          const { a, e } = room.ownerSVGElement.getScreenCTM();
          const cuts = room.x && getComputedStyle(room).overflow === 'hidden';
          const cut = cuts ? (room.x.baseVal.value + room.width.baseVal.value) * a + e : 1e9;
          const sign = card.querySelector('[role=img]').getBoundingClientRect().left;
          return [end(title), cut, sign].map(Math.floor);
        })
    """)

    assert found
    assert [each for each in found if min(each[0], each[1]) > each[2]] == []
    if script:  # nothing is cut off
        assert [each for each in found if each[0] > each[1] + 1] == []
