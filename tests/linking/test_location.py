"""Locations of handlers: the name by which a file is found decides, links are not resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.linking.location import SourceError, locate
from tests.support.blackbox import execute, running, write_files

MANIFEST = """
    namespace: app
    entries:
      - {name: gateway, kind: http.service, addr: ":0", lifecycle: {auto_start: true}}
      - {name: router, kind: http.router, meta: {server: gateway}}
      - {name: e, kind: http.endpoint, meta: {router: router}, method: GET, path: /, func: f}
      - {name: f, kind: function.python, source: file://handler.py}
    """
HANDLER = "from .rules import answer\n\ndef main():\n    return answer\n"


def test_the_file_is_the_one_that_is_named(tmp_path: Path) -> None:
    write_files(tmp_path, {"src/v2.py": "", "src/real/h.py": ""})
    (tmp_path / "src" / "tasks.py").symlink_to("v2.py")
    (tmp_path / "src" / "linked").symlink_to("real")

    src = tmp_path / "src"
    assert locate("file://tasks.py", src, tmp_path) == src / "tasks.py"
    assert locate("file://linked/h.py", src, tmp_path) == src / "linked" / "h.py"
    assert locate("file://../src/tasks.py", src, tmp_path) == src / "tasks.py"


@pytest.mark.parametrize(
    ("source", "folder", "said"),
    [
        ("file://../../h.py", "src", "leads out of the application's folder"),
        ("file://out.py", "src", "leads out of the application's folder"),
        ("file://out/h.py", "src", "leads out of the application's folder"),
        ("file://h.v2.py", "src", "has a dot in its name"),
        ("file://h.py", "src/v1.2{}", "lies in the folder 'v1.2{}', which has a dot in its name"),
        ("file://both.py", "src", "is hidden by the package of the same name beside it"),
        ("file://loop.py", "src", "no file "),
    ],
)
def test_what_could_not_be_imported_or_leads_out_is_refused(
    source: str, folder: str, said: str, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    write_files(tmp_path, {"h.py": "", "x/h.py": ""})
    write_files(
        root,
        {"src/v1.2{}/h.py": "", "src/h.v2.py": "", "src/both.py": "", "src/both/__init__.py": ""},
    )
    (root / "src" / "out.py").symlink_to("../../h.py")
    (root / "src" / "out").symlink_to("../../x")
    (root / "src" / "loop.py").symlink_to("loop.py")

    with pytest.raises(SourceError) as caught:
        locate(source, root / folder, root)

    assert said in caught.value.message(source.removeprefix("file://"))


def test_handlers_of_a_mounted_config_map_are_run(tmp_path: Path) -> None:
    dated = "..2026_01_02_03_04_05.678"
    files = {"_index.yaml": MANIFEST, "handler.py": HANDLER, "rules.py": "answer = {'a': 1}\n"}
    write_files(tmp_path / dated, files)
    (tmp_path / "..data").symlink_to(dated)
    for name in files:
        (tmp_path / name).symlink_to(f"..data/{name}")

    assert execute("validate", str(tmp_path)).code == 0
    with running(tmp_path, "app:gateway:addr=127.0.0.1:0") as site:
        assert site.ask("GET", "/").json == {"a": 1}
        assert site.stop() == 0


@pytest.mark.parametrize("link", ["current", "current/src/latest"])
def test_handlers_of_a_release_are_run_by_the_name_of_the_link(link: str, tmp_path: Path) -> None:
    files = {"_index.yaml": MANIFEST, "handler.py": HANDLER, "rules.py": "answer = {'a': 1}\n"}
    inner = "src" if link == "current" else "src/.all/v1.2"
    write_files(tmp_path / "releases" / "1.2.3" / inner, files)
    (tmp_path / "current").symlink_to("releases/1.2.3")
    if link != "current":
        (tmp_path / link).symlink_to(".all/v1.2")

    with running(tmp_path / "current", "app:gateway:addr=127.0.0.1:0") as site:
        assert site.ask("GET", "/").json == {"a": 1}
        assert site.stop() == 0
