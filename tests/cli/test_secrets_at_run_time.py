"""A secret reaches the handlers and is nowhere in what the program writes."""

from __future__ import annotations

from pathlib import Path

from tests.support.blackbox import FREE_PORT, eventually, running, write_files

ENDPOINT = "kind: http.endpoint, meta: {router: router}, method: GET"
FUNCTION = "kind: function.python, source: file://h.py, modules: [registry, queue, logger]"

FILES = {
    "_index.yaml": f"""
        namespace: app
        entries:
          - {{name: gateway, kind: http.service, addr: ":0", lifecycle: {{auto_start: true}}}}
          - {{name: router, kind: http.router, meta: {{server: gateway}}}}
          - {{name: fail.get, {ENDPOINT}, path: /fail, func: fail}}
          - {{name: dead.get, {ENDPOINT}, path: /dead, func: dead}}
          - {{name: fail, {FUNCTION}, method: fail}}
          - {{name: dead, {FUNCTION}, method: dead}}
          - {{name: die, {FUNCTION}, method: die}}
          - name: settings
            kind: registry.entry
            token: "${{secret:TOKEN}}"
            key: "${{file:secrets/key}}"
          - {{name: driver, kind: queue.driver.memory}}
          - {{name: q, kind: queue.queue, driver: driver, dead_letter: {{max_attempts: 1}}}}
          - {{name: c, kind: queue.consumer, queue: q, func: die, lifecycle: {{auto_start: true}}}}
        """,
    "h.py": """
        import threading

        from runtime.modules import logger, queue, registry

        def secrets():
            settings = registry.get("settings")
            return settings["token"], settings["key"]

        async def fail(request):
            token, key = secrets()
            assert (token, key) == ("CANARY-token", "CANARY\\nof two lines"), "wrong values"
            logger.warning("about to fail", token=token, key=key)
            await queue.publish("q", {})
            thread = threading.Thread(target=poll, args=(token,))
            thread.start()
            thread.join()
            raise ValueError(f"{token} and {key} are refused")

        def poll(token):
            raise ValueError(f"{token} is refused to a thread")

        async def dead(request):
            return await queue.dead_letters("q")

        async def die(body):
            token, key = secrets()
            raise ValueError("x" * 1984 + f"{token} and {key}")
        """,
    "secrets/key": "CANARY\nof two lines\n",
}


def test_no_log_line_traceback_or_dead_letter_has_a_secret(tmp_path: Path) -> None:
    folder = write_files(tmp_path, FILES)

    with running(folder, FREE_PORT, env={"TOKEN": "CANARY-token"}) as site:
        assert site.ask("GET", "/fail").status == 500
        (letter,) = eventually(lambda: site.ask("GET", "/dead").json)
        assert site.stop() == 0

    assert "[hidden]" in letter["headers"]["x_dead_letter_traceback"]
    assert letter["headers"]["x_dead_letter_error"].endswith("x[hid")
    written = site.program.stderr + site.program.stdout + str(letter)
    assert "about to fail" in written
    assert "[hidden] is refused to a thread" in written
    assert "wrong values" not in written
    assert "CANA" not in written
    assert "of two lines" not in written
