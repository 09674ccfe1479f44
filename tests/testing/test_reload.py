"""A reload within a test: other code and another manifest, under the application that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import running
from tests.testing.application import DATABASE, DURABLE, endpoint, write

HANDLERS = """
async def hello():
    return "old"

async def work(body):
    pass
"""
FAILING = """
async def hello():
    return "new"

async def work(body):
    raise ValueError("no")
"""
CONSUMER = """
  - name: second
    kind: queue.consumer
    queue: jobs
    func: work
    rate: 1/h
    lifecycle: {auto_start: true}
"""


def application(folder: Path, *entries: str) -> Path:
    return write(folder, HANDLERS, endpoint("hello", "GET"), *entries)


def test_an_edit_is_served_while_messages_and_addresses_stay(tmp_path: Path) -> None:
    with running(application(tmp_path), editable=True) as app, app.paused("worker"):
        app.publish("jobs", 1, 2)
        address = app.url("/hello")
        outcome = app.reload(edit={"handlers.py": FAILING})

        assert app.get("/hello").text == "new"
        assert (app.url("/hello"), app.info("jobs").ready) == (address, 2)

    changed = {"worker", "work", "hello.endpoint", "hello"}
    assert outcome.actions() == {f"app:{name}": "revise" for name in changed}
    assert (outcome.kept, outcome.findings, outcome.refused) == (4, (), False)


def test_your_own_files_stay_as_they_are(tmp_path: Path) -> None:
    application(tmp_path)
    with running(tmp_path, editable=True) as app:
        app.reload(edit={"handlers.py": FAILING})
        app.reload(edit={"_index.yaml": lambda text: text.replace("/hello", "/hi")})
        assert (app.get("/hi").text, app.get("/hello").status) == ("new", 404)

    assert (tmp_path / "handlers.py").read_text() == HANDLERS
    assert "/hi" not in (tmp_path / "_index.yaml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_index.yaml", "handlers.py"]


def test_a_refused_reload_tells_why_and_the_old_version_goes_on(tmp_path: Path) -> None:
    with running(application(tmp_path), editable=True) as app:
        broken = app.reload(edit={"handlers.py": "async def hello(:"})
        assert (broken.refused, broken.changes, app.get("/hello").text) == (True, (), "old")
        assert any("not valid Python" in finding for finding in broken.findings)
        assert "the reload was refused, and the old version goes on" in [
            line.message for line in app.logs()
        ]

        raising = app.reload(edit={"handlers.py": HANDLERS + "raise OSError('away')\n"})
        assert "away" in "".join(raising.findings)
        assert app.get("/hello").text == "old"

        assert not app.reload(edit={"handlers.py": FAILING}).refused
        assert app.get("/hello").text == "new"


def test_what_would_lose_messages_is_refused_unless_it_is_forced(tmp_path: Path) -> None:
    durable = "kind: queue.driver.sql, database: db"
    with running(application(tmp_path, DATABASE), editable=True) as app, app.paused("worker"):
        app.publish("jobs", 1)

        def another(text: str) -> str:
            return text.replace("kind: queue.driver.memory", durable)

        (finding,) = app.reload(edit={"_index.yaml": another}).findings
        assert "1 message of 'app:jobs'" in finding
        assert app.info("jobs").ready == 1

        assert not app.reload(force=True).refused
        assert app.info("jobs").ready == 0


def test_a_drain_waits_for_what_a_reload_has_brought(tmp_path: Path) -> None:
    with running(application(tmp_path, DATABASE), *DURABLE, editable=True) as app:
        app.publish("jobs", 1)
        app.drain()
        more = "\n  - {name: more, kind: queue.queue, driver: driver}" + CONSUMER.replace(
            "jobs", "more"
        )
        app.reload(edit={"_index.yaml": lambda text: text + more, "handlers.py": FAILING})

        app.publish("more", 1, 2, 3)
        app.drain(failing=ValueError)

        assert app.published("more") == [1, 2, 3]
        assert app.published("jobs") == [1]
        assert app.info("more").delayed == 3


def test_a_reload_leaves_paused_consumers_paused_and_starts_those_it_brings(tmp_path: Path) -> None:
    more = "\n  - {name: more, kind: queue.queue, driver: driver}" + CONSUMER.replace(
        "jobs", "more"
    )
    with running(application(tmp_path, DATABASE), *DURABLE, editable=True) as app:
        with app.paused("worker"):
            app.reload(edit={"_index.yaml": lambda text: text + more})
            app.publish("jobs", 1)
            app.publish("more", 1)
            app.drain("more")
            assert (app.info("jobs").ready, app.info("more").ready) == (1, 0)
        app.drain()
        assert app.reload().changes == ()


def test_a_restart_and_a_crash_go_on_with_the_edited_version(tmp_path: Path) -> None:
    application(tmp_path, DATABASE)
    with running(tmp_path, editable=True, durable=True) as app:
        app.reload(edit={"handlers.py": FAILING})
        assert app.restart().get("/hello").text == "new"

        with app.paused("worker"):
            app.publish("jobs", 1)
        app.crash(during=lambda: app.get("/hello"))
        assert app.restart().get("/hello").text == "new"


def test_files_are_created_and_deleted(tmp_path: Path) -> None:
    with running(application(tmp_path), editable=True) as app:
        handlers = HANDLERS.replace(
            "async def hello():\n    return",
            "from .words import word\n\nasync def hello():\n    return word or",
        )
        app.reload(edit={"words.py": "word = 'hi'\n", "handlers.py": handlers})
        assert app.get("/hello").text == "hi"

        assert app.reload(edit={"words.py": None}).refused
        assert app.get("/hello").text == "hi"


def test_a_name_stands_for_the_only_file_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    application(tmp_path / "src")
    with running(tmp_path, editable=True) as app:
        app.reload(edit={"handlers.py": FAILING})
        assert app.get("/hello").text == "new"


def test_without_a_copy_only_what_is_on_disk_is_read_again(tmp_path: Path) -> None:
    with running(application(tmp_path)) as app:
        with pytest.raises(RuntimeError, match=r"give running\(\) 'editable=True'"):
            app.reload(edit={"handlers.py": FAILING})
        assert app.reload().changes == ()

        (tmp_path / "handlers.py").write_text(FAILING)
        app.reload()
        assert app.get("/hello").text == "new"


def test_a_link_out_of_the_folder_leads_no_edit_to_your_files(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "rules.py").write_text("limit = 1\n")
    (tmp_path / "app").mkdir()
    folder = application(tmp_path / "app")
    (folder / "shared").symlink_to(shared)
    refused = pytest.raises(ValueError, match="behind a link that leads out")
    with running(folder, editable=True) as app, refused:
        app.reload(edit={"shared/rules.py": "limit = 2\n"})

    assert (shared / "rules.py").read_text() == "limit = 1\n"


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        ({"../away.py": "x"}, "'../away.py' is no path in the application's folder"),
        ({"/etc/hosts": "x"}, "'/etc/hosts' is no path in"),
        ({"handler.py": None}, "there is no file 'handler.py'; did you mean 'handlers.py'"),
        ({"handlers.py": lambda text: text.replace("bye", "")}, "'handlers.py' changes nothing"),
        ({"handlers.py": FAILING, "_index.yaml": str}, "'_index.yaml' changes nothing"),
    ],
)
def test_an_edit_that_cannot_be_meant_changes_nothing(
    tmp_path: Path, edit: dict[str, str | None], error: str
) -> None:
    with running(application(tmp_path), editable=True) as app:
        with pytest.raises(ValueError, match=error):
            app.reload(edit=edit)
        assert app.reload().changes == ()
        assert app.get("/hello").text == "old"
