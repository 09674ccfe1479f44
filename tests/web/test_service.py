"""HTTP end to end: TLS, middleware, files, a page in a browser, and a queue that is full."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, eventually, running, write_files
from tests.support.program import running as running_program

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - name: router
    kind: http.router
    meta: {server: gateway}
    prefix: /api
    middleware: [real_ip, cors, compress, ratelimit]
    options:
      cors.allow.origins: "https://page.example"
      ratelimit.requests: 5
      ratelimit.burst: 5
  - {name: ep, kind: http.endpoint, meta: {router: router}, method: GET, path: /text, func: text}
  - {name: text, kind: function.python, source: file://text.py, modules: [http]}
  - {name: public, kind: http.static, meta: {server: gateway}, path: /, directory: ./public}
"""
TEXT = """
async def main(request):
    return {"text": "x" * 5000, "client": request.client.host}
"""
PAGE = """<!doctype html><title>page</title><p id=result>waiting</p>
<script>
fetch('/api/text').then(r => r.json()).then(data => {
  document.getElementById('result').textContent = 'the handler says ' + data.text.length;
});
</script>"""
ORIGIN = {"Origin": "https://page.example"}


def application(folder: Path) -> Path:
    files = {"_index.yaml": MANIFEST, "text.py": TEXT, "public/index.html": PAGE}
    return write_files(folder, files)


def test_middleware_stands_before_the_handlers_and_before_404_too(tmp_path: Path) -> None:
    with running(application(tmp_path), FREE_PORT) as site:
        preflight = site.ask(
            "OPTIONS", "/api/text", headers={**ORIGIN, "Access-Control-Request-Method": "GET"}
        )
        plain = site.ask("GET", "/api/text", headers=ORIGIN)
        zipped = site.ask("GET", "/api/text", headers={"Accept-Encoding": "gzip"})
        nothing = site.ask("GET", "/api/nothing", headers=ORIGIN)
        forwarded = site.ask("GET", "/api/text", headers={"X-Forwarded-For": "203.0.113.7"})
        many = [site.ask("GET", "/api/text") for _ in range(10)]

        allowed = "access-control-allow-origin"
        assert preflight.headers[allowed] == plain.headers[allowed] == ORIGIN["Origin"]
        assert nothing.status == 404
        assert nothing.headers[allowed] == ORIGIN["Origin"]
        assert zipped.headers["content-encoding"] == "gzip"
        assert len(zipped.body) < 500
        assert forwarded.json["client"] == "203.0.113.7"
        assert {reply.status for reply in many} == {200, 429} or many[0].status == 429
        assert many[-1].status == 429
        assert "retry-after" in many[-1].headers
        assert site.stop() == 0


def test_files_are_served_and_nothing_else(tmp_path: Path) -> None:
    (application(tmp_path) / "public" / "a.txt").write_text("a file")
    with running(tmp_path, FREE_PORT) as site:
        assert site.ask("GET", "/a.txt").body == b"a file"
        assert b"<title>page</title>" in site.ask("GET", "/").body
        assert site.ask("GET", "/%2e%2e/_index.yaml").status == 404
        assert site.ask("GET", "/../_index.yaml").status == 404
        assert site.ask("GET", "/nothing.txt").status == 404


def test_a_page_in_a_browser_reaches_its_handler(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        assert "CI" not in os.environ, "CI must have chromium"
        pytest.skip("no chromium here: the page was not opened")
    with running(application(tmp_path), FREE_PORT) as site:
        page = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", f"--user-data-dir={tmp_path}/browser",
                "--virtual-time-budget=5000", "--dump-dom", f"http://127.0.0.1:{site.port}/",
            ],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

        assert "the handler says 5000" in page.stdout, page.stderr[-2000:]


def test_tls(tmp_path: Path) -> None:
    application(tmp_path)
    made = subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"),
        ],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    options = ["-o", FREE_PORT, "-o", "app:gateway:tls={cert: ./cert.pem, key: ./key.pem}"]
    with running_program(tmp_path, *options) as program:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        url = f"https://127.0.0.1:{program.port}/api/text"
        with urllib.request.urlopen(url, context=trusted, timeout=5) as answer:
            assert answer.status == 200
        assert program.stop() == 0


def test_a_certificate_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    options = ["-o", FREE_PORT, "-o", "app:gateway:tls={cert: ./no.pem}"]
    with running_program(application(tmp_path), *options, ready=False) as program:
        assert program.wait() == 4
        assert "no.pem" in program.stderr
        assert "Traceback" not in program.stderr


FLOOD = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: ep, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: post}
  - {name: info, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: look}
  - {name: post, kind: function.python, source: file://h.py, method: post, modules: [queue]}
  - {name: look, kind: function.python, source: file://h.py, method: look, modules: [queue]}
  - {name: work, kind: function.python, source: file://h.py, method: work, modules: [queue]}
  - {name: driver, kind: queue.driver.memory}
  - name: tasks
    kind: queue.queue
    driver: driver
    driver_options: {memory: {max_length: 200}}
    retry: {initial_delay: 10ms}
  - name: consumer
    kind: queue.consumer
    queue: tasks
    func: work
    concurrency: 4
    lifecycle: {auto_start: true}
"""
FLOODED = """
import asyncio
from runtime.modules import queue

done = []

async def post(request):
    return {"id": await queue.publish("tasks", await request.json())}

async def look():
    info = await queue.info("tasks")
    return {"depth": info.ready + info.delayed + info.in_flight, "dead": info.dead, "done": done}

async def work(number):
    await asyncio.sleep(0.005)
    if queue.message().attempt == 1 and number % 10 == 0:
        return False  # a nack needs no free slot
    done.append(number)
"""


def test_a_full_queue_refuses_and_loses_nothing_it_took(tmp_path: Path) -> None:
    write_files(tmp_path, {"_index.yaml": FLOOD, "h.py": FLOODED})
    with running(tmp_path, FREE_PORT) as site:
        replies = site.ask_many([("POST", "/", str(number)) for number in range(2000)])
        accepted = [n for n, reply in enumerate(replies) if reply.status == 200]
        refused = [reply for reply in replies if reply.status != 200]
        depth = site.ask("GET", "/").json["depth"]

        state = eventually(lambda: (s := site.ask("GET", "/").json)["depth"] == 0 and s)
        assert refused
        assert {reply.status for reply in refused} == {503}
        assert all(reply.headers["retry-after"] for reply in refused)
        assert depth <= 200
        assert sorted(state["done"]) == accepted
        assert state["dead"] == 0
        assert site.stop() == 0
