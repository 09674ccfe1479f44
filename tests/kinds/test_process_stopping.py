"""process.stopping: a process asks whether the application stops."""

from __future__ import annotations

from runtime.modules import process
from tests.kinds.test_process_service import Running, run


def test_a_coroutine_asks_again_and_again_whether_it_is_to_stop() -> None:
    answers: list[bool] = []

    async def main() -> None:
        async def work() -> None:
            answers.append(await process.stopping(timeout=0))
            it.stop.set()
            answers.append(await process.stopping(timeout=0))
            answers.append(await process.stopping())

        it = Running(work)
        assert await it.end() == 0

    run(main())
    assert answers == [False, True, True]
