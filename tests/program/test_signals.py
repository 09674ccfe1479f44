"""Signals: those that come together are one, and the program keeps its own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.program import PLAIN_LOOP, running
from tests.support.stopping import application, ended, patient
from tests.support.terminal import on_a_terminal

ASKS = """
from runtime.modules import process
async def main():
    await process.stopping()
    print("drained", flush=True)
"""
# The tests themselves may be run under nohup, which a program would inherit.
HEARD = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
SLOW = ASKS + "    import asyncio\n    await asyncio.sleep(0.2)\n"


@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGTERM, signal.SIGHUP),
        (signal.SIGTERM, signal.SIGINT),
    ],
    ids=lambda numbers: "+".join(signal.Signals(number).name for number in numbers),
)
def test_signals_that_come_together_are_one(
    numbers: tuple[signal.Signals, ...], tmp_path: Path
) -> None:
    with running(application(tmp_path, SLOW), before=HEARD) as program:
        for number in numbers:
            program.signal(number)

        assert ended(program) == 0
        assert "drained" in program.stdout


@pytest.mark.parametrize("after", [(), (signal.SIGHUP,), (signal.SIGTERM,)])
def test_what_comes_with_the_end_of_a_terminal_is_one_signal(
    after: tuple[signal.Signals, ...], tmp_path: Path
) -> None:
    with on_a_terminal(application(tmp_path, SLOW)) as program:
        program.close()
        for number in after:
            program.signal(number)

        assert program.wait() == 0
        assert "drained" in program.stdout


def test_a_hangup_whose_terminal_closes_a_moment_later_drains_too(tmp_path: Path) -> None:
    with on_a_terminal(application(tmp_path, SLOW)) as program:
        program.signal(signal.SIGHUP)
        program.wait_for("reloaded in")
        program.close()

        assert program.wait() == 0
        assert "drained" in program.stdout


def test_a_hangup_on_a_terminal_that_is_there_reloads(tmp_path: Path) -> None:
    folder = application(tmp_path, SLOW)
    with on_a_terminal(folder) as program:
        (folder / "main.py").write_text(SLOW.replace("drained", "the new one"))
        program.signal(signal.SIGHUP)
        program.wait_for("reloaded in")
        program.signal(signal.SIGTERM)

        assert program.wait() == 0
        assert program.stdout.split() == ["drained", "the", "new", "one"]


def test_the_second_signal_leaves_a_line(tmp_path: Path) -> None:
    blocks = "import time\ndef main():\n    time.sleep(60)\n"
    with running(patient(application(tmp_path, blocks))) as program:
        program.signal(signal.SIGTERM)
        program.wait_for("stopping")
        program.signal(signal.SIGTERM)

        assert ended(program) == 6
        assert "SIGTERM: the second signal ends the program at once" in program.messages


TAKES = {
    "loop": """
import asyncio, signal
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, "theirs", 1)
    print("taken", flush=True)
    await asyncio.sleep(60)
""",
    "signal": """
import asyncio, signal
def theirs(number, frame):
    print("theirs", number == signal.SIGTERM, flush=True)
    raise SystemExit(3)
async def main():
    signal.signal(signal.SIGTERM, theirs)
    print("taken", flush=True)
    await asyncio.sleep(60)
""",
    "import": """
import asyncio, signal
def theirs(number, frame):
    print("theirs", number == signal.SIGTERM, flush=True)
signal.signal(signal.SIGTERM, theirs)
async def main():
    print("taken", flush=True)
    await asyncio.sleep(60)
""",
    "chain": """
import asyncio, signal
def theirs(number, frame):
    print("theirs", flush=True)
    before(number, frame)
before = signal.signal(signal.SIGTERM, theirs)
async def main():
    print("taken", flush=True)
    await asyncio.sleep(60)
""",
}


@pytest.mark.parametrize("before", ["", PLAIN_LOOP], ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("main", TAKES.values(), ids=TAKES)
def test_a_signal_that_was_taken_over_is_taken_back_and_both_are_called(
    main: str, before: str, tmp_path: Path
) -> None:
    with running(application(tmp_path, main), before=before) as program:
        program.wait_for_output("taken")
        line = program.wait_for("SIGTERM was taken over by")
        program.signal(signal.SIGTERM)

        assert ended(program) == 0
        assert "theirs" in program.stdout
        assert line["message"].endswith("the runtime handles it as before, and calls that too")
        assert sum("taken over" in message for message in program.messages) == 1


def test_one_that_is_ignored_is_heard_again(tmp_path: Path) -> None:
    main = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ASKS
    with running(application(tmp_path, main)) as program:
        program.wait_for("SIGTERM was taken over by")
        program.signal(signal.SIGTERM)

        assert ended(program) == 0
