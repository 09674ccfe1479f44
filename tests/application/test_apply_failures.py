"""A changed manifest that cannot be applied: its error, and the application that goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from runtime.application.application import Application
from runtime.service import StartError
from runtime.supervision.child import State
from tests.support.changing import AFTER, Site, changes, served
from tests.support.serving import run


def test_a_handler_that_cannot_be_imported_leaves_all_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broken = "  - {name: broken, kind: function.python, source: file://broken.py}\n"
    (tmp_path / "broken.py").write_text("def main(): pass\n1 / 0\n")

    async def main() -> None:
        async with served(tmp_path) as site:
            before = dict(site.application.scope.components)
            caplog.clear()
            with pytest.raises(StartError, match="ZeroDivisionError"):
                await site.apply(AFTER + broken)
            assert changes(caplog) == []
            assert site.application.scope.components == before
            assert (await site.client.get("/new")).status == 404

    run(main())


def test_parts_that_cannot_be_served_leave_the_old_ones_in_place(tmp_path: Path) -> None:
    files = (
        "  - {name: files, kind: http.static, meta: {server: gateway}, path: /s, directory: no}\n"
    )

    async def main() -> None:
        async with served(tmp_path) as site:
            with pytest.raises(StartError):
                await site.apply(AFTER + files)
            assert (await site.client.get("/new")).status == 404
            posted = await site.client.get("/tasks", method="POST", body=b"1")
            assert posted.status == 204

    run(main())


def test_a_service_that_cannot_start_is_told_and_all_is_as_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            before, linked = dict(site.application.scope.components), site.application.linked
            other = AFTER + f"  - {{name: second, kind: http.service, addr: '{address(site)}', "
            with pytest.raises(StartError, match=r"app:second could not start: .* is in use"):
                await site.apply(other + "lifecycle: {auto_start: true}}\n")
            assert site.application.scope.components == before
            assert site.application.linked is linked
            assert (await site.client.get("/new")).status == 404
            assert (await site.client.get("/tasks", method="POST", body=b"1")).status == 204
            assert {child.state for child in site.children()} == {State.RUNNING}
            await site.apply(AFTER)
            assert (await site.client.get("/old")).status == 404

    run(main())


def address(site: Site) -> str:
    host, port = site.client.writer.get_extra_info("peername")
    return f"{host}:{port}"


def test_an_application_that_does_not_run_refuses_a_change(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            application = site.application
            unbuilt = Application(application.linked)
            with pytest.raises(RuntimeError, match="does not run"):
                await unbuilt.apply(application.linked)
        with pytest.raises(RuntimeError, match="is stopping"):
            await application.apply(application.linked)

    run(main())
