"""A real browser: Chromium without a window, driven by the DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

PATIENCE = 60.0
"""Seconds after which an answer of the browser is missed."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def require_chromium() -> str:
    """The path of Chromium. Skips the test on a machine without it, and fails it in CI."""
    path = shutil.which("chromium")
    if path is None:
        assert "CI" not in os.environ, "CI must have chromium"
        pytest.skip("no chromium here: the page was not opened")
    return path


_AS_3_AND_4 = """
import fcntl, os, sys
reading, writing = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(reading, 3)
os.dup2(writing, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes a browser, which reads from descriptor 3 and writes to 4."""


class Browser:
    """One Chromium with one page."""

    def __init__(self, folder: Path) -> None:
        reading, self._out = os.pipe()
        self._in, writing = os.pipe()
        command = [require_chromium(), *FLAGS, f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AS_3_AND_4, str(reading), str(writing), *command],
            pass_fds=(reading, writing),
            stderr=subprocess.DEVNULL,
        )
        os.close(reading)
        os.close(writing)
        self._number = 0
        self._pending = b""
        self._session: str | None = None
        self._loaded = False
        self.complaints: list[str] = []
        """All that the console says: errors, violations of the policy, requests that failed."""

    def start(self) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is loaded."""
        self._loaded = False
        self._call("Page.navigate", url=url)
        deadline = monotonic() + PATIENCE
        while not self._loaded:
            self._take(self._message(deadline))

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, awaited. Raises AssertionError if it throws."""
        result = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """The first true value of an expression in the page, tried at each of its frames."""
        return self.evaluate(
            f"""new Promise((resolve, reject) => {{
              const end = performance.now() + {PATIENCE * 1000 / 2};
              const look = () => {{
                const value = ({script});
                if (value) resolve(value);
                else if (performance.now() > end) reject(new Error("not so in time"));
                else setTimeout(look, 10);
              }};
              look();
            }})"""
        )

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Show the page as wide as that, in that colour scheme."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str) -> None:
        """Press and release a key: `/`, `a`, `Tab`, `Enter`, `End`."""
        text = {"text": key} if len(key) == 1 else {}
        code = {"Tab": 9, "Enter": 13, "End": 35}.get(key, 0)
        text = {"text": "\r"} if key == "Enter" else text
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    def scripts(self, *, allowed: bool) -> None:
        """Let pages run scripts, or not; from the next page on."""
        self._call("Emulation.setScriptExecutionDisabled", value=not allowed)

    @contextmanager
    def before_pages(self, script: str) -> Iterator[None]:
        """Run a script in each page that is opened meanwhile, before its own."""
        added = self._call("Page.addScriptToEvaluateOnNewDocument", source=script)
        yield
        self._call("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])

    @property
    def heap(self) -> int:
        """Bytes of JavaScript's values in the page, without those that nobody has."""
        self._call("HeapProfiler.collectGarbage")
        return int(self._call("Runtime.getHeapUsage")["usedSize"])

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page, as PNG or WebP by the name of the file."""
        form = {"format": "webp", "quality": 82} if path.suffix == ".webp" else {"format": "png"}
        data = self._call("Page.captureScreenshot", captureBeyondViewport=True, **form)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = monotonic() + PATIENCE
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self._take(answer)

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - monotonic()))
            assert ready, f"the browser has not answered within {PATIENCE:g} s"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser has ended"
            self._pending += data
        message, _, self._pending = self._pending.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def _take(self, event: dict[str, Any]) -> None:
        """Note an event of the page."""
        parameters = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning"):
                self.complaints.append(str(parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                entry = parameters["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser whose profile is in a folder of its own."""
    browser = Browser(folder)
    try:
        browser.start()
        yield browser
    finally:
        browser.close()
