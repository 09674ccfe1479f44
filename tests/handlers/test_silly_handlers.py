"""Handlers that do what no handler should: each harms itself alone, and the log says how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent, indent

import pytest

from tests.support.blackbox import FREE_PORT, Site, eventually, running, write_files

MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
  - {name: plain, kind: http.router, meta: {server: gateway}}
  - name: behind
    kind: http.router
    meta: {server: gateway}
    prefix: /behind
    middleware: [cors, compress]
  - {name: driver, kind: queue.driver.memory}
  - name: tasks
    kind: queue.queue
    driver: driver
    retry: {initial_delay: 5ms}
    dead_letter: {max_attempts: 3}
  - {name: work, kind: function.python, source: file://work.py, modules: [queue, http]}
  - name: consumer
    kind: queue.consumer
    queue: tasks
    func: work
    lifecycle: {auto_start: true}
"""

ROUTES = """
  - {{name: {0}, kind: function.python, source: file://web.py, method: {0}, modules: [http, queue]}}
  - name: {0}.plain
    kind: http.endpoint
    meta: {{router: plain}}
    method: GET
    path: /{0}
    func: {0}
  - name: {0}.behind
    kind: http.endpoint
    meta: {{router: behind}}
    method: GET
    path: /{0}
    func: {0}
"""

FAILING = {
    "returns_a_set": "return {1}",
    "returns_a_generator": "return (x for x in ())",
    "returns_a_class": "return ValueError",
    "returns_true": "return True",
    "returns_nan": "return {'a': float('nan')}",
    "returns_itself": "a = []; a.append(a); return a",
    "returns_a_depth": "a = []\nfor _ in range(100_000):\n    a = [a]\nreturn a",
    "returns_half_a_character": "return '\\ud800'",
    "sets_a_huge_status": "http.response().set_status(9999)",
    "sets_half_a_status": "http.response().set_status(200.5)",
    "sets_a_textual_status": "http.response().set_status('200')",
    "injects_a_header": "http.response().set_header('X', 'a\\r\\nInjected: b')",
    "injects_a_name": "http.response().set_header('X\\r\\nInjected', 'b')",
    "injects_in_a_response": "return http.Response('', headers={'X': 'a\\r\\nInjected: b'})",
    "injects_in_an_error": "raise http.Error(400, 'x', headers={'X': 'a\\r\\nInjected: b'})",
    "responds_with_9999": "return http.Response('x', status_code=9999)",
    "responds_with_99": "return http.Response('x', status_code=99)",
    "responds_with_100": "return http.Response('x', status_code=100)",
    "responds_too_short": "return http.Response('x', headers={'Content-Length': '5'})",
    "responds_too_long": "return http.Response('xyz', headers={'Content-Length': '1'})",
    "writes_a_number": "http.response().write(5)",
    "writes_and_returns": "http.response().write('a'); return 'b'",
    "raises_a_success": "raise http.Error(200, 'x')",
    "exits": "raise SystemExit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "recurs": "def again():\n    return again()\nagain()",
    "has_no_words": "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
    "takes_a_message": "queue.message()",
    "publishes_nan": "await queue.publish('tasks', float('nan'))",
    "publishes_a_set": "await queue.publish('tasks', {1})",
    "publishes_nowhere": "await queue.publish('nothing', 1)",
    "publishes_to_a_driver": "await queue.publish('driver', 1)",
    "publishes_at_no_time": "await queue.publish('tasks', 1, delay=float('nan'))",
}

WEB = "import asyncio\nfrom runtime.modules import http, queue\n\n" + "\n\n".join(
    f"async def {name}():\n{indent(body, '    ')}"
    for name, body in {
        **FAILING,
        "fine": "return 'fine'",
        "late": """\
response = http.response()
async def later():
    response.set_status(500).write('late')
asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(later()))
return""",
        "put": "await queue.publish('tasks', http.request().query_params['what'])",
        "look": "info = await queue.info('tasks')\n"
        "return {'left': info.ready + info.delayed + info.in_flight, 'dead': info.dead}",
    }.items()
)

WORK = """
    import asyncio
    import sys
    from runtime.modules import http, queue

    class Mute(BaseException):
        def __str__(self):
            raise ValueError

    async def main(what):
        message = queue.message()
        match what:
            case "ack twice":
                await message.ack()
                await message.ack()
            case "ack and nack":
                await message.ack()
                await message.nack()
            case "answer":
                http.response().write("x")
            case "exit":
                sys.exit(0)
            case "interrupt":
                raise KeyboardInterrupt
            case "close":
                raise GeneratorExit
            case "mute":
                raise Mute
            case "cancelled":
                raise asyncio.CancelledError
            case "cancel itself":
                asyncio.current_task().cancel()
                await asyncio.sleep(0)
            case "cancel itself at last":
                asyncio.current_task().cancel()
            case "retry at no time":
                raise queue.Retry(after=float("nan"))
            case "stop":
                raise StopIteration
"""
SETTLED = ["ack twice", "ack and nack", "cancel itself at last"]
DEAD = ["answer", "exit", "interrupt", "close", "mute", "cancelled", "cancel itself"]
DEAD += ["retry at no time", "stop"]


@pytest.fixture(scope="module")
def silly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    names = re.findall(r"^async def (\w+)", WEB, re.MULTILINE)
    manifest = MANIFEST.rstrip() + "".join(ROUTES.format(name).rstrip() for name in names)
    files = {"_index.yaml": manifest, "web.py": WEB, "work.py": dedent(WORK)}
    with running(write_files(tmp_path_factory.mktemp("silly"), files), FREE_PORT) as site:
        yield site
        assert site.ask("GET", "/fine").body == b"fine"
        assert site.stop() == 0


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("prefix", ["", "/behind"])
def test_a_silly_answer_is_a_500_that_tells_nothing(silly: Site, name: str, prefix: str) -> None:
    id = f"{name}{len(prefix)}"
    reply = silly.ask("GET", f"{prefix}/{name}", headers={"X-Request-ID": id})

    assert reply.status == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-request-id"] == id
    assert "injected" not in reply.headers
    assert reply.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": id,
    }
    line = silly.program.wait_for(lambda line: line.get("request_id") == id)
    assert line["level"] == "error"
    assert line["entry"] == f"app:{name}"


def test_what_is_written_after_the_return_goes_nowhere(silly: Site) -> None:
    assert [silly.ask("GET", "/late").status for _ in range(3)] == [204] * 3


def test_a_silly_message_is_settled_and_the_next_one_has_its_turn(silly: Site) -> None:
    for what in [*SETTLED, *DEAD, "fine"]:
        assert silly.ask("GET", f"/put?what={what.replace(' ', '%20')}").status == 204
    state = eventually(lambda: (s := silly.ask("GET", "/look").json)["left"] == 0 and s)

    assert state["dead"] == len(DEAD)
    given_up = silly.lines("gave up on a message")
    assert {line["fields"]["attempt"] for line in given_up} <= {1, 3}
    assert not silly.lines("app:consumer failed")
