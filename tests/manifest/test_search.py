"""The search for manifests, and for the application around a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.manifest.search import Search, application_around, application_within
from runtime.registry import Registry
from tests.support.blackbox import execute


def manifest(folder: Path, namespace: str = "app") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_index.yaml").write_text(f"namespace: {namespace}\nentries: []\n")
    return folder


def found(folder: Path) -> list[str]:
    return [str(path.relative_to(folder).parent) for path in Search(folder).manifests()]


def test_folders_are_searched_in_order_without_those_that_are_skipped(tmp_path: Path) -> None:
    for name in ("b", "a/c", "a", ".git/x", "node_modules/x", "__pycache__", "venv/x"):
        manifest(tmp_path / name)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")

    assert found(tmp_path) == ["a", "a/c", "b"]


def test_a_link_to_a_folder_is_followed_once_and_only_inside(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", manifest(tmp_path / "outside")
    manifest(root / "src")
    manifest(root / ".releases" / "1.2.3")
    (tmp_path / "empty").mkdir()
    for name, target in [
        ("current", ".releases/1.2.3"),
        ("same", ".releases/1.2.3"),
        ("again", "src"),
        ("up", "."),
        ("src/up", ".."),
        ("broken", "nowhere"),
        ("loop", "loop"),
        ("out", str(outside)),
        ("above", ".."),
        ("data", str(tmp_path / "empty")),
    ]:
        (root / name).symlink_to(target)
    search = Search(root)

    paths = [str(path.relative_to(root).parent) for path in search.manifests()]

    assert paths == ["src", "current"]
    assert search.links_out == [root / "out"]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    manifest(tmp_path / "releases" / "1.2.3" / "src")
    (tmp_path / "current").symlink_to("releases/1.2.3")

    assert found(tmp_path / "current") == ["src"]


def test_a_link_that_leads_out_is_a_note(tmp_path: Path) -> None:
    root = manifest(tmp_path / "root")
    manifest(tmp_path / "outside", "outside")
    (root / "out").symlink_to("../outside")

    (note,) = link(read(root), Registry()).notes

    assert str(note).startswith(
        f"{root}/out: note: this link leads out of the application's folder"
    )


@pytest.mark.parametrize("part", ["src", "src/mail", "data", "test/unit"])
@pytest.mark.parametrize("where", [".", "src"])
def test_a_part_of_an_application_is_known(where: str, part: str, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    (root / part).mkdir(parents=True)
    manifest(root / where)
    (root / "README.md").write_text("")

    assert application_around(root / part) == root
    assert application_around(root) is None
    assert application_around(tmp_path) is None


def test_the_outermost_application_counts_up_to_the_repository(tmp_path: Path) -> None:
    manifest(tmp_path)
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    inner = manifest(manifest(repository / "shop") / "src" / "mail")

    assert application_around(inner) == repository / "shop"
    assert application_around(repository / "shop") is None
    assert application_around(repository) is None


def test_a_folder_called_src_that_is_no_part_of_a_project_is_an_application(tmp_path: Path) -> None:
    assert application_around(manifest(tmp_path / "src")) is None


@pytest.mark.parametrize("command", ["run", "validate", "list", "graph"])
def test_from_inside_an_application_its_folder_is_named(command: str, tmp_path: Path) -> None:
    src = manifest(tmp_path / "my shop" / "src")
    (src.parent / "data").mkdir()

    ended = execute(command, cwd=src)

    assert ended.code == 2
    assert ended.err == (
        f"Error: this folder is part of the application at '{src.parent}'; "
        f"write 'runtime {command} ..', or 'runtime {command} .' for this folder alone\n"
    )
    assert list(src.iterdir()) == [src / "_index.yaml"]
    assert execute("validate", ".", cwd=src).code == 0
    assert execute("validate", cwd=src.parent).code == 0


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("queue ls", "queue ls"),
        ("cron ls", "cron ls"),
        ("dead ls", "dead ls -C"),
        ("task get tasks id", "task get -C"),
    ],
)
def test_a_command_of_a_group_is_named_whole(command: str, written: str, tmp_path: Path) -> None:
    src = manifest(tmp_path / "src")
    (tmp_path / "data").mkdir()

    ended = execute(*command.split(), cwd=src)

    assert f"write 'runtime {written} ..', or 'runtime {written} .' for this" in ended.err


DURABLE = """
namespace: app
entries:
  - {name: db, kind: db.sql.sqlite, file: data/a.db}
  - {name: driver, kind: queue.driver.sql}
  - {name: tasks, kind: queue.queue}
"""


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("queue ls", "queue ls"),
        ("queue publish tasks 1", "queue publish -C"),
        ("dead ls", "dead ls -C"),
        ("task get tasks id", "task get -C"),
        ("cron ls", "cron ls"),
        ("exec", "exec -C"),
        ("shell", "shell"),
        ("migrate", "migrate"),
        ("doctor", "doctor"),
    ],
)
def test_no_other_database_is_opened_around_an_application(
    command: str, written: str, tmp_path: Path
) -> None:
    (manifest(tmp_path / "my shop") / "_index.yaml").write_text(DURABLE)

    ended = execute(*command.split(), cwd=tmp_path)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Error: the application is at 'my shop', below this folder; "
        f"write 'runtime {written} 'my shop'', or 'runtime {written} .' for this folder as one\n"
    )
    assert not (tmp_path / "data").exists()


def test_around_an_application_that_is_named_it_is_told_where_paths_start(tmp_path: Path) -> None:
    (manifest(tmp_path / "shop") / "_index.yaml").write_text(DURABLE)

    ended = execute("queue", "ls", ".", cwd=tmp_path)

    assert ended.code == 0
    where, missing = ended.err.splitlines()
    assert (
        where == "'.' is around the application at 'shop', and relative paths start in the former"
    )
    assert f"there is no '{tmp_path}/data/a.db'" in missing
    assert "app:tasks" in ended.out


def test_a_part_that_is_named_is_run_with_a_warning(tmp_path: Path) -> None:
    manifest(tmp_path / "src")
    (tmp_path / "data").mkdir()

    ended = execute("run", "src", cwd=tmp_path)

    assert ended.code == 4  # nothing runs
    assert "'src' is part of the application at " in ended.err


def within(folder: Path) -> Path | None:
    return application_within(folder, Search(folder).manifests())


@pytest.mark.parametrize("parts", [["."], ["src"], ["src", "src/mail"]])
@pytest.mark.parametrize("steps", ["shop", "work/shop"])
def test_the_only_application_below_a_folder_is_known(
    parts: list[str], steps: str, tmp_path: Path
) -> None:
    shop = tmp_path / steps
    for part in parts:
        manifest(shop / part)
    (shop / "README.md").write_text("")

    assert within(tmp_path) == shop
    assert within(shop) is None
    manifest(tmp_path / "other")
    assert within(tmp_path) is None


@pytest.mark.parametrize("part", ["src/app", "app", "config"])
def test_a_folder_of_manifests_is_a_part_of_the_project_that_it_is_in(
    part: str, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    manifest(tmp_path / part)

    assert within(tmp_path) is None


@pytest.mark.parametrize("command", ["run", "dev"])
def test_around_an_application_it_is_told_whose_folder_runs(command: str, tmp_path: Path) -> None:
    manifest(tmp_path / "my shop")
    options = ("--no-reload",) if command == "dev" else ()

    ended = execute(command, *options, cwd=tmp_path)

    assert ended.code == 4  # nothing runs
    assert (
        "'.' runs, with the application at 'my shop' as a part, and relative paths start in the "
        f"former; write 'runtime {command} 'my shop'' for the latter alone"
        in ended.err.splitlines()[0]
    )


def test_a_folder_without_a_manifest_names_the_application_around(tmp_path: Path) -> None:
    manifest(tmp_path)
    (tmp_path / "data").mkdir()

    ended = execute("validate", "data", cwd=tmp_path)

    assert ended.code == 3
    assert "data: no _index.yaml here or in any folder below; this folder is part of" in ended.out


ENTRIES = "namespace: app\nentries:\n  - {name: db, kind: db.sql.sqlite, file: ./a.db}\n"


def test_several_applications_below_a_folder_are_told_as_such(tmp_path: Path) -> None:
    for name in ("one", "two/src", "deeper/three"):
        manifest(tmp_path / name).joinpath("_index.yaml").write_text(ENTRIES)
    for name in ("one", "two", "deeper/three"):
        (tmp_path / name / "README.md").touch()

    with pytest.raises(ManifestError) as raised:
        read(tmp_path)

    (finding,) = raised.value.findings
    assert finding.message == "has 3 applications below, which declare the same entries"
    assert finding.hint is not None
    named = finding.hint.removeprefix("name one of them: ").split(", ")
    assert [each.strip("'") for each in named] == [
        str(tmp_path / name) for name in ("deeper/three", "one", "two")
    ]


@pytest.mark.parametrize("marked", ["", "one", "."])
def test_parts_of_one_application_that_declare_an_entry_twice_are_not(
    tmp_path: Path, marked: str
) -> None:
    for name in ("src/one", "src/two"):
        manifest(tmp_path / name).joinpath("_index.yaml").write_text(ENTRIES)
    if marked:
        (tmp_path / "src" / marked / "README.md").touch()

    (finding,) = read(tmp_path).findings

    assert "'app:db' is declared twice" in finding.message
