"""Changed settings, taken over by components that go on: nothing of them stops."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from runtime.application.plan import Action
from runtime.service import StartError
from tests.support.blackbox import write_files
from tests.support.changing import Site, changes, linked, served
from tests.support.serving import run

MANIFEST = """
namespace: app
entries:
  - name: gateway
    kind: http.service
    addr: "127.0.0.1:0"
    max_body: 1KiB
    lifecycle: {auto_start: true, stop_timeout: 10s}
  - {name: router, kind: http.router, meta: {server: gateway}}
  - {name: post, kind: http.endpoint, meta: {router: router}, method: POST, path: /, func: put}
  - {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: seen}
  - {name: put, kind: function.python, source: file://shared.py, modules: [queue]}
  - {name: seen, kind: function.python, source: file://shared.py, method: seen}
  - {name: driver, kind: queue.driver.memory}
  - name: tasks
    kind: queue.queue
    driver: driver
    driver_options: {memory: {max_length: 1}}
    dead_letter: {max_attempts: 3}
  - name: worker
    kind: queue.consumer
    queue: tasks
    func: take
    timeout: 30s
    lifecycle: {auto_start: true}
  - {name: take, kind: function.python, source: file://take.py, method: take}
"""
TAKE = """
    import asyncio
    from .shared import gate, taken

    async def take(body):
        taken.append((1, body))
        await gate.wait()
"""
FILES = {
    "shared.py": """
        import asyncio
        from runtime.modules import queue

        gate, taken = asyncio.Event(), []

        async def main(request):
            await queue.publish("tasks", len(await request.body()))

        async def seen(request):
            if "go" in request.query_params:
                gate.set()
            return taken
    """,
    "take.py": TAKE,
}


async def seen(site: Site, count: int) -> list[list[int]]:
    """The messages that were taken, once there are so many."""
    while len(found := (await site.client.get("/")).json()) < count:
        pass
    return [[*each] for each in found]


async def post(site: Site, size: int) -> int:
    return (await site.client.get("/", method="POST", body=b"x" * size)).status


def test_a_consumer_goes_on_with_the_new_code_and_keeps_what_it_has_in_hand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert await post(site, 1) == 204
            assert await seen(site, 1) == [[1, 1]]
            caplog.clear()
            write_files(tmp_path, {"take.py": TAKE.replace("(1, body)", "(2, body)")})
            plan = await site.application.apply(linked(tmp_path, MANIFEST))
            assert {change.id.name for change in plan.done} == {"take", "worker"}
            assert {change.action for change in plan.done} == {Action.REVISE}
            assert changes(caplog) == []
            await site.client.get("/?go")
            while await post(site, 7) != 204:
                pass
            assert await seen(site, 2) == [[1, 1], [2, 7]]

    run(main())


@pytest.mark.parametrize(
    "code",
    [
        "from .shared import taken\n\ndef take(body):\n    taken.append((2, body))\n",
        "from .shared import taken\nasync def take(n: int) -> None:\n    taken.append((2, n))\n",
    ],
    ids=["def", "typed"],
)
def test_a_consumer_takes_a_function_of_another_sort(code: str, tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            await site.client.get("/?go")
            write_files(tmp_path, {"take.py": code})
            await site.application.apply(linked(tmp_path, MANIFEST))
            assert await post(site, 5) == 204
            assert await seen(site, 1) == [[2, 5]]

    run(main())


def test_a_timeout_holds_from_the_next_message_on(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    once = MANIFEST.replace("max_attempts: 3", "max_attempts: 1")

    async def main() -> None:
        async with served(tmp_path, once) as site:
            worker = site.component("worker")
            await site.apply(once.replace("timeout: 30s", "timeout: 10ms"))
            assert site.component("worker") is worker
            assert await post(site, 5) == 204
            queue = site.component("tasks")
            while not (await queue.info()).dead:
                await site.client.get("/")
            (letter,) = await queue.dead_letters()
            assert "not done after 0.01 s" in letter.headers["x_dead_letter_error"]
            await site.apply(once.replace("    timeout: 30s\n", ""))
            assert site.component("worker").timeout is None

    run(main())


def test_a_consumer_takes_another_concurrency_and_its_message_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_files(tmp_path, FILES)
    wide = MANIFEST.replace("max_length: 1}", "max_length: 3}")
    more = wide.replace("    timeout: 30s\n", "    timeout: 30s\n    concurrency: 3\n")

    async def main() -> None:
        async with served(tmp_path, wide) as site:
            for size in (1, 2, 3):
                assert await post(site, size) == 204
            assert await seen(site, 1) == [[1, 1]]
            caplog.clear()
            plan = await site.application.plan(linked(tmp_path, more))
            (change,) = plan.done
            assert (change.action, change.id.name, change.why) == (
                Action.REVISE,
                "worker",
                "concurrency",
            )
            assert await site.application.apply(linked(tmp_path, more)) == plan
            assert await seen(site, 3) == [[1, 1], [1, 2], [1, 3]]
            await site.apply(wide)
            assert changes(caplog) == []
            await site.client.get("/?go")

    run(main())


def test_a_queue_takes_other_rules(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            assert [await post(site, 1), await post(site, 2)] == [204, 503]
            before = site.component("tasks"), site.component("worker")
            await site.apply(
                MANIFEST.replace("max_length: 1", "max_length: 2").replace(
                    "attempts: 3", "attempts: 7"
                )
            )
            assert (site.component("tasks"), site.component("worker")) == before
            assert await post(site, 2) == 204
            assert before[0].max_attempts == 7
            await site.client.get("/?go")

    run(main())


def test_a_server_takes_other_limits_and_keeps_its_connections(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    after = MANIFEST.replace("1KiB", "3B").replace("stop_timeout: 10s", "stop_timeout: 3s")

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            gateway = site.component("gateway")
            await site.apply(after)
            assert site.component("gateway") is gateway
            assert gateway._context.stop_timeout == 3.0
            assert await post(site, 4) == 413
            await site.apply(MANIFEST)
            assert await post(site, 4) == 204
            await site.client.get("/?go")

    run(main())


def test_another_address_is_opened_before_the_old_one_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_files(tmp_path, FILES)

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            caplog.clear()
            plan = await site.application.apply(
                linked(tmp_path, MANIFEST.replace("127.0.0.1:0", "localhost:0"))
            )
            (change,) = [each for each in plan.done if each.action is Action.REPLACE]
            assert (change.id.name, change.why) == ("gateway", "addr")
            said = [text.split(" on ")[0] for text in changes(caplog)]
            assert said == ["app:gateway is running", "app:gateway has stopped"]

    run(main())


def test_a_change_that_is_undone_takes_back_what_was_revised(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    taken = "  - {name: other, kind: http.service, addr: '127.0.0.1:PORT', "
    taken += "lifecycle: {auto_start: true}}\n"

    async def main() -> None:
        async with served(tmp_path, MANIFEST) as site:
            port = str(site.client.writer.get_extra_info("peername")[1])
            changed = MANIFEST.replace("1KiB", "3B").replace("attempts: 3", "attempts: 7")
            changed = changed.replace("max_length: 1", "max_length: 9") + taken.replace(
                "PORT", port
            )
            write_files(tmp_path, {"take.py": TAKE.replace("(1, body)", "(2, body)")})
            with pytest.raises(StartError, match="is in use"):
                await site.apply(changed)
            assert await post(site, 4) == 204
            assert await seen(site, 1) == [[1, 4]]
            assert site.component("tasks").max_attempts == 3
            assert await post(site, 4) == 503  # one is in hand, and there is room for one
            await site.client.get("/?go")

    run(main())


def test_what_would_be_lost_is_not_removed_unless_that_is_forced(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    lines = MANIFEST.splitlines(keepends=True)
    other = "".join(lines) + "  - {name: spare, kind: queue.queue, driver: driver}\n"

    async def main() -> None:
        async with served(tmp_path, other) as site:
            await site.component("spare").publish(1)
            application = site.application
            with pytest.raises(StartError, match=r"would lose 1 message of 'app:spare'"):
                await application.apply(linked(tmp_path, MANIFEST))
            assert site.component("spare") is not None
            plan = await application.plan(linked(tmp_path, MANIFEST))
            assert [(each.id.name, each.lost) for each in plan.losses] == [("spare", "1 message")]
            done = await application.apply(linked(tmp_path, MANIFEST), force=True)
            assert done == plan

    run(main())
