"""The page of the thumbnails in a real browser: a picture in, its progress, three pictures out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, ROOT, running
from tests.support.browser import browsing

pytestmark = pytest.mark.slow

CHOOSE = """
(async () => {
  const canvas = new OffscreenCanvas(300, 200);
  canvas.getContext("2d").fillRect(0, 0, 150, 200);
  const chosen = new DataTransfer();
  chosen.items.add(new File([CONTENT], "a.png"));
  document.getElementById("picture").files = chosen.files;
  document.getElementById("picture").dispatchEvent(new Event("change", { bubbles: true }));
})()
"""
SHOWN = """
[...document.querySelectorAll("#thumbnails img")].map((image) => image.naturalWidth).join()
"""


@pytest.mark.parametrize("width", [1440, 320])
def test_a_picture_is_shown_in_three_sizes(tmp_path: Path, width: int) -> None:
    ignore = shutil.ignore_patterns("data", "__pycache__")
    shutil.copytree(ROOT / "examples" / "thumbnails", tmp_path / "app", ignore=ignore)
    with (
        running(tmp_path / "app", FREE_PORT) as site,
        browsing(tmp_path / "browser") as browser,
    ):
        browser.resize(width, 844)
        browser.open(site.address)
        browser.wait_for("document.readyState === 'complete'")
        browser.evaluate(CHOOSE.replace("CONTENT", "await canvas.convertToBlob()"))
        browser.wait_for(f"{SHOWN.strip()} === '64,256,1024'")
        assert browser.evaluate("document.getElementById('progress').value") == 1
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")

        browser.evaluate(CHOOSE.replace("CONTENT", "'no picture'"))
        browser.wait_for("document.getElementById('said').textContent.includes('no picture')")
        assert browser.complaints == []
        assert site.stop() == 0
