"""`runtime lsp`: a real client types into manifests, and the real program answers over stdio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.cli.lsp import command
from tests.support.blackbox import write_files
from tests.support.editor import Editor, editing

pytestmark = pytest.mark.slow

HEAD = """namespace: app
entries:
  - {name: driver, kind: queue.driver.memory}
  - {name: mails, kind: queue.queue}
  - {name: others, kind: queue.queue}
"""
MANIFEST = f"""{HEAD}
  - name: sending
    kind: queue.consumer
    queue: mails
    func: file://work.py#send
    lifecycle: {{auto_start: true}}
"""
OTHER = """namespace: more
entries:
  - name: twice
    kind: queue.consumer
    queue: app:others
    func: file://../work.py#send
    lifecycle: {auto_start: true}
"""
FILES = {
    "_index.yaml": MANIFEST,
    "more/_index.yaml": OTHER,
    "work.py": "LIMIT = 3\n\n\nasync def send(body):\n    pass\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def edit(folder: Path, steps: Callable[[Editor, Path], Awaitable[None]]) -> None:
    """Take steps in an editor that has opened the manifest."""

    async def run() -> None:
        async with editing(folder) as editor:
            manifest = folder / "_index.yaml"
            editor.open(manifest)
            await steps(editor, manifest)

    asyncio.run(run())


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygls", None)  # as if it were not installed

    ended = CliRunner().invoke(command, ["--stdio"])

    assert ended.exit_code == 2
    assert ended.output.splitlines() == [
        "Error: an editor's server needs pygls, which is not installed; "
        "run: pip install 'manifest-runtime[lsp]'"
    ]


def test_findings_come_while_it_is_typed_and_go_when_it_is_mended(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        editor.type(manifest, MANIFEST.replace("queue: mails", "queue: mial"))
        await editor.until(lambda: editor.messages(manifest) != [])
        (found,) = editor.messages(manifest)
        assert found.startswith("9: no entry 'app:mial'")
        editor.type(manifest, MANIFEST)
        await editor.until(lambda: editor.messages(manifest) == [])

    edit(folder, steps)


def test_what_breaks_in_another_file_is_told_there_and_cleared_there(folder: Path) -> None:
    other = folder / "more/_index.yaml"

    async def steps(editor: Editor, manifest: Path) -> None:
        editor.type(manifest, MANIFEST.replace("others", "letters"))
        await editor.until(lambda: editor.messages(other) != [])
        assert editor.messages(other)[0].startswith("5: no entry 'app:others'")
        editor.type(manifest, MANIFEST)
        await editor.until(lambda: editor.messages(other) == [])

    edit(folder, steps)


def test_a_text_that_is_closed_unsaved_counts_no_more(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        editor.type(manifest, HEAD + "  - {name: 5")
        await editor.until(lambda: editor.messages(manifest) != [])
        editor.close(manifest)
        await editor.until(lambda: editor.messages(manifest) == [])

    edit(folder, steps)


def test_half_a_line_at_a_time_never_ends_the_server(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        for end in range(0, len(MANIFEST), 7):
            await editor.complete(manifest, MANIFEST[:end] + "|")
        for text in ("", "|", "a: [", "\t|", "entries: {|", "- |", "💥: |", "entries: [x, |"):
            await editor.complete(manifest, text.replace("|", "") + "|")
        editor.type(manifest, MANIFEST.replace("queue: mails", "queue: mial"))
        await editor.until(
            lambda: any("no entry 'app:mial'" in each for each in editor.messages(manifest))
        )

    edit(folder, steps)


def test_half_a_character_is_taken_for_one(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        editor.type(manifest, "# \ud83d\n" + MANIFEST.replace("queue: mails", "queue: mial"))
        await editor.until(
            lambda: any("no entry 'app:mial'" in each for each in editor.messages(manifest))
        )

    edit(folder, steps)


def test_kinds_are_completed_with_their_pages(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        for text in ("  - name: db\n    kind: db.sql|", "  - {name: db, kind: |"):
            found = await editor.complete(manifest, f"{HEAD}{text}")
            (item,) = [each for each in found if each.label == "db.sql.sqlite"]
            assert item.text_edit is not None
            assert item.text_edit.new_text == "db.sql.sqlite"
            assert "## db.sql.sqlite" in item.documentation.value  # type: ignore[union-attr]

    edit(folder, steps)


def test_fields_are_completed_with_required_ones_first(folder: Path) -> None:
    text = (
        f"{HEAD}  - name: sending\n    kind: queue.consumer\n    func: file://work.py#send\n    |"
    )

    async def steps(editor: Editor, manifest: Path) -> None:
        found = await editor.complete(manifest, text)
        labels = [each.label for each in found]
        assert labels[0] == "queue"
        assert "concurrency" in labels
        assert "func" not in labels  # it is there already
        (concurrency,) = [each for each in found if each.label == "concurrency"]
        page = concurrency.documentation.value  # type: ignore[union-attr]
        assert "default: `1`" in page
        assert "messages handled at the same time" in page

    edit(folder, steps)


def test_only_entries_that_a_field_allows_are_completed(folder: Path) -> None:
    text = f'{HEAD}  - {{name: sending, kind: queue.consumer, queue: "|"}}\n'

    async def steps(editor: Editor, manifest: Path) -> None:
        found = await editor.complete(manifest, text)
        assert [each.label for each in found] == ["app:mails", "app:others"]

    edit(folder, steps)


def test_functions_of_the_files_beside_it_are_completed(folder: Path) -> None:
    text = f"{HEAD}  - name: sending\n    kind: queue.consumer\n    func: fi|\n    queue: mails\n"

    async def steps(editor: Editor, manifest: Path) -> None:
        found = await editor.complete(manifest, text)
        assert "file://work.py#send" in [each.label for each in found]
        found = await editor.complete(
            manifest,
            HEAD + "  - {name: f, kind: function.python, source: file://work.py, method: |",
        )
        assert [each.label for each in found] == ["send"]

    edit(folder, steps)


def test_words_of_a_choice_are_completed(folder: Path) -> None:
    text = f"{HEAD}  - name: get\n    kind: http.endpoint\n    method: |\n"

    async def steps(editor: Editor, manifest: Path) -> None:
        found = await editor.complete(manifest, text)
        assert {"GET", "POST"} <= {each.label for each in found}

    edit(folder, steps)


def test_a_reference_leads_to_the_entry_and_back(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        at_use = MANIFEST.replace("queue: mails", "queue: ma|ils")
        assert await editor.definition(manifest, at_use) == "_index.yaml:4"
        declared = MANIFEST.replace("name: others", "name: oth|ers")
        assert await editor.references(manifest, declared) == ["more/_index.yaml:5"]

    edit(folder, steps)


def test_a_handler_leads_to_the_line_of_its_function(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        inline = MANIFEST.replace("work.py#send", "wo|rk.py#send")
        assert await editor.definition(manifest, inline) == "work.py:4"
        entry = "  - {name: f, kind: function.python, source: file://work.py, method: se|nd}\n"
        assert await editor.definition(manifest, HEAD + entry) == "work.py:4"

    edit(folder, steps)


def test_pages_and_fields_are_shown_on_hover(folder: Path) -> None:
    async def steps(editor: Editor, manifest: Path) -> None:
        kind = await editor.hover(manifest, MANIFEST.replace("queue.consumer", "queue.con|sumer"))
        assert "Calls a function with the messages of a queue" in kind
        field = await editor.hover(manifest, MANIFEST.replace("    queue:", "    qu|eue:"))
        assert "The queue to consume." in field
        entry = await editor.hover(manifest, MANIFEST.replace("queue: mails", "queue: ma|ils"))
        assert "app:mails" in entry
        assert "queue.queue" in entry

    edit(folder, steps)
