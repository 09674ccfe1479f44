"""Accessibility: what axe-core finds on the page that a browser shows, and what is too wide."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from tests.support.browser import Browser

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
TOO_WIDE = """
(() => {
  const width = document.documentElement.clientWidth;  // on a phone, innerWidth grows with the page
  const inside = (element) => {
    for (let each = element; each; each = each.parentElement) {
      if (/auto|scroll|hidden/.test(getComputedStyle(each).overflowX)) return true;
    }
  };
  const wide = [...document.querySelectorAll("main *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > width + 1 && !inside(element);
  });
  const names = wide.map((element) => element.tagName + "." + element.getAttribute("class"));
  return document.documentElement.scrollWidth > width ? ["the page", ...names] : names;
})()
"""


@cache
def _axe() -> str:
    return (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")


def faults(browser: Browser) -> list[Any]:
    """The findings of axe-core, each with its rule and the first element."""
    browser.evaluate(f"{_axe()};0")
    options = json.dumps({"resultTypes": ["violations"], "runOnly": [*RULES]})
    return list(
        browser.evaluate(
            f"axe.run(document, {options}).then((found) => found.violations.map("
            "(each) => [each.id, each.nodes[0].target.join(' '), each.nodes[0].failureSummary]))"
        )
    )


def too_wide(browser: Browser) -> list[str]:
    """What makes the page scroll sideways, outside of what may scroll by itself."""
    return list(browser.evaluate(TOO_WIDE))
