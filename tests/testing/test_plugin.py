"""The plug-in, and the kit beside other plug-ins, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.testing.application import endpoint, write

pytestmark = pytest.mark.slow

HANDLERS = """
    import time

    async def work(body):
        raise ValueError("no bread")

    async def block(request):
        time.sleep(1.5)

    async def fail(request):
        raise KeyError("butter")
"""

FIXTURE = """
    import asyncio
    import sys
    import pytest
    from runtime.testing import running

    @pytest.fixture
    def app():
        with running("app") as app:
            yield app
"""


ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")


def run_pytest(
    folder: Path, tests: str, *options: str, handlers: str = HANDLERS
) -> subprocess.CompletedProcess[str]:
    """Run tests in a folder with an application in `app`; what leaks or warns is an error."""
    (folder / "app").mkdir()
    write(folder / "app", handlers, endpoint("block"), endpoint("fail"))
    (folder / "test_it.py").write_text(dedent(FIXTURE) + dedent(tests), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    if options[:2] != ASYNCIO[:2]:
        options = ("-p", "no:asyncio", *options)
    command = [
        sys.executable,
        "-X",
        "dev",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *options,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_failed_test_shows_the_log_and_the_dead_letters(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
        def test_it(app):
            app.publish("jobs", 1)
            app.drain(advance=True, failing=ValueError)
            assert app.post("/fail").status == 200
        """,
    )

    assert run.returncode == 1
    assert "1 failed" in run.stdout
    _, _, after = run.stdout.partition("--- log of the application app ---")
    log, _, dead = after.partition("--- dead letters of the application app ---")
    assert "app:work failed on attempt 1 of 10" in log
    assert "POST /fail failed: KeyError: 'butter'" in log
    assert "app/handlers.py" in log
    assert "of app:jobs, attempt 10 (attempts): ValueError: no bread" in dead


def test_an_application_that_ended_before_the_failure_is_shown_too(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
        def test_it():
            with running("app") as app:
                status = app.post("/fail").status
            assert status == 200
        """,
    )

    assert "POST /fail failed: KeyError: 'butter'" in run.stdout


def test_a_test_shows_nothing_of_those_before_it(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
        @pytest.fixture(scope="module")
        def shared():
            with running("app") as app:
                yield app

        def test_first(shared):
            assert shared.post("/fail").status == 500

        def test_second(shared):
            shared.get("/nowhere")
            assert False
        """,
    )

    assert "1 failed, 1 passed" in run.stdout
    assert "butter" not in run.stdout


def test_a_blocked_loop_is_shown(tmp_path: Path) -> None:
    run = run_pytest(
        tmp_path,
        """
        def test_it(app):
            app.post("/block")
            assert False
        """,
    )

    assert "the event loop has been held for" in run.stdout
    assert "by app:block at app/handlers.py:8 (block)" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("-p", "no:anyio", "-p", "no:xdist"),
        (*ASYNCIO, "-p", "no:anyio", "-o", "asyncio_mode=auto"),
        ("-p", "anyio"),
        (*ASYNCIO, "-p", "anyio"),
        ("-n", "2"),
    ],
    ids=["plain", "asyncio", "anyio", "both", "xdist"],
)
def test_it_is_green_beside_other_plug_ins(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = run_pytest(
        tmp_path,
        """
        @pytest.mark.parametrize("number", range(3))
        def test_a_message(app, number):
            app.publish("jobs", number)
            app.drain()
            assert app.published("jobs") == [number]
        """,
        *options,
        handlers="""
            def work(body):
                pass

            block = fail = work
        """,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


ASYNC = """
    async def test_a_message():
        async with running("app") as app:
            app.publish("jobs", 1)
            with pytest.raises(ValueError, match="no bread"):
                app.drain()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("", (*ASYNCIO, "-o", "asyncio_mode=auto")),
        ("@pytest.mark.asyncio", ASYNCIO),
        ("@pytest.mark.anyio", ("-p", "anyio")),
    ],
    ids=["auto", "asyncio", "anyio"],
)
def test_an_async_test_may_use_it(tmp_path: Path, mark: str, options: tuple[str, ...]) -> None:
    backend = """
        @pytest.fixture
        def anyio_backend():
            return "asyncio"
    """
    run = run_pytest(tmp_path, dedent(backend) + mark + dedent(ASYNC), *options)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout


def test_the_plug_in_loads_nothing_of_the_runtime_and_the_kit_no_pytest() -> None:
    code = """
        import sys
        import runtime.testing.plugin
        ours = {name for name in sys.modules if name.startswith("runtime")}
        assert ours == {"runtime", "runtime.testing", "runtime.testing.plugin"}, ours
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)
    code = """
        import sys
        from runtime.testing import running
        assert not {"pytest", "_pytest"} & sys.modules.keys()
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True)
