from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.hosting import Hosted, hosted, start_error
from tests.support.mounting import FILES, MANIFEST, alone, on_site
from tests.support.serving import run


def module(site: Hosted) -> Any:
    """What the file of the hand-written application defines."""
    return site.application.scope.component("bare", "app")._mount._app.__globals__


def test_the_lifespan_is_around_the_life_of_the_server(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def test(site: Hosted) -> None:
        seen.append(module(site)["events"])
        assert seen[0] == ["lifespan.startup"]

    on_site(tmp_path, test)

    assert seen[0] == ["lifespan.startup", "lifespan.shutdown"]


def test_a_reload_starts_new_applications_and_stops_those_that_are_gone(tmp_path: Path) -> None:
    gone = MANIFEST.replace("- {name: bare, kind: http.mount", "- {name: bare2, kind: http.mount")
    gone = gone.replace("path: /bare, app", "path: /new, app")

    async def test(site: Hosted) -> None:
        events = module(site)["events"]
        await site.apply(gone, FILES)
        assert (await site.get("/new/")).json()["state"] == {"pool": [1]}
        assert (await site.get("/bare/")).status == 404
        assert sorted(events) == ["lifespan.shutdown", "lifespan.startup", "lifespan.startup"]

    on_site(tmp_path, test)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (
            """
            import contextlib
            from starlette.applications import Starlette

            @contextlib.asynccontextmanager
            async def lifespan(app):
                raise RuntimeError("no database")
                yield

            app = Starlette(lifespan=lifespan)
            """,
            "the application of 'app:site' does not start: RuntimeError: no database",
        ),
        (
            """
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.failed"})
            """,
            "the application of 'app:site' does not start: it does not say why",
        ),
    ],
)
def test_an_application_that_does_not_start_ends_the_start(
    code: str, found: str, tmp_path: Path
) -> None:
    assert found in run(start_error(tmp_path, alone("file://h.py#app"), {"h.py": code}))


@pytest.mark.parametrize("code", ["raise ValueError('only http')", "return"])
def test_an_application_may_know_no_lifespan(code: str, tmp_path: Path) -> None:
    files = {
        "h.py": f"""
            async def app(scope, receive, send):
                if scope["type"] != "http":
                    {code}
                await send({{"type": "http.response.start", "status": 204, "headers": []}})
                await send({{"type": "http.response.body"}})
        """
    }

    async def main() -> int:
        async with hosted(tmp_path, alone("file://h.py#app"), files) as site:
            return (await site.get("/any")).status

    assert run(main()) == 204


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def app(x): ...", "the factory of 'app:site' has failed: TypeError: app() missing 1"),
        ("def app(): return 1", "the factory of 'app:site' returned a value of type int, no ASGI"),
    ],
)
def test_a_factory_that_makes_nothing_ends_the_start(code: str, found: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with hosted(tmp_path, alone("file://h.py#app", factory=True), {"h.py": code}):
            raise AssertionError("it has started")

    with pytest.raises(Exception, match="factory") as caught:
        run(main())

    assert found in str(caught.value)


def test_a_reload_whose_application_does_not_start_answers_503_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = """
        async def app(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no license"})
    """

    async def test(site: Hosted) -> None:
        manifest = MANIFEST.replace("path: /bare/deep", "path: /late").replace(
            "site.py", "broken.py"
        )
        await site.apply(manifest, {**FILES, "broken.py": broken})
        assert (await site.get("/late/")).status == 503
        assert (await site.get("/bare/")).status == 201

    on_site(tmp_path, test)
    assert "the application of 'app:deep' does not start: no license" in caplog.text
