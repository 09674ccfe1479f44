"""The commands other than `run`: listings, drawings, help and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import __version__
from tests.support.blackbox import EXAMPLE, execute

pytestmark = pytest.mark.slow

FOLDER = str(EXAMPLE)


def test_help_names_every_command_and_a_first_step() -> None:
    told = execute("--help").out

    for name in ("run", "validate", "init", "graph", "list", "show", "kinds", "schema", "version"):
        assert f"\n  {name} " in told
        assert execute(name, "--help").code == 0
    assert "runtime init hello" in told


def test_the_module_and_the_script_are_one() -> None:
    script = Path(sys.executable).parent / "runtime"

    direct = subprocess.run([script, "version"], capture_output=True, text=True, check=True)

    assert direct.stdout == execute("version").out
    assert __version__ in direct.stdout
    assert execute("--version").out == f"runtime {__version__}\n"


def test_list_and_its_json_agree() -> None:
    rows = json.loads(execute("list", FOLDER, "--json").out)
    queues = execute("list", FOLDER, "-k", "queue.*").out.splitlines()

    assert len(rows) == 14
    assert {"id": "app:db", "kind": "db.sql.sqlite"}.items() <= rows[0].items()
    assert [line.split()[0] for line in queues] == [
        "app:queue_driver",
        "app:tasks_queue",
        "app:task_consumer",
    ]


def test_list_of_nothing_says_nothing() -> None:
    ended = execute("list", FOLDER, "-k", "nothing")

    assert (ended.code, ended.out) == (0, "")


def test_show_fills_in_the_defaults_and_knows_its_neighbours() -> None:
    told = execute("show", "tasks_queue", FOLDER).out
    data = json.loads(execute("show", "app:tasks_queue", FOLDER, "--json").out)

    assert "initial_delay: 1s" in told
    assert "# needed by: app:task_consumer\n# used in the code of: app:create_task\n" in told
    assert data["fields"]["retry"]["max_delay"] == "5m"
    assert data["needs"] == ["app:queue_driver"]
    assert data["used_by"] == ["app:create_task"]
    assert "# uses in its code: app:db\n" in execute("show", "list_tasks", FOLDER).out


def test_show_of_what_is_not_there_suggests() -> None:
    ended = execute("show", "task_queue", FOLDER)

    assert ended.code == 2
    assert "no entry 'task_queue'; did you mean" in ended.err


def test_the_graph_can_be_drawn_three_ways() -> None:
    text = execute("graph", FOLDER).out
    dot = execute("graph", FOLDER, "--format", "dot").out
    mermaid = execute("graph", FOLDER, "--format", "mermaid").out
    data = json.loads(execute("graph", FOLDER, "--json").out)

    assert "app:task_consumer  (queue.consumer)\n  ├─ queue: app:tasks_queue" in text
    assert '"app:task_consumer" -> "app:tasks_queue" [label="queue"];' in dot
    assert dot.startswith("digraph")
    assert mermaid.startswith("flowchart LR")
    assert {"from": "app:task_consumer", "field": "queue", "to": "app:tasks_queue"} in data["edges"]


def test_notes_are_printed_and_change_no_exit_code(tmp_path: Path) -> None:
    entries = (
        "  - {name: x, kind: process.python, source: file://h.py, modules: [sql]}\n"
        "  - {name: host, kind: process.host}\n"
        "  - {name: s, kind: process.service, process: x, host: host,"
        " lifecycle: {auto_start: true}}\n"
    )
    (tmp_path / "_index.yaml").write_text(f"namespace: a\nentries:\n{entries}")
    handler = "from runtime.modules import sql\ndef main(): sql.get('nothing')\n"
    (tmp_path / "h.py").write_text(handler)

    ended = execute("validate", str(tmp_path))
    (note,) = json.loads(execute("validate", str(tmp_path), "--json").out)

    assert ended.code == 0
    assert f"{tmp_path}/h.py:2:21: note: no entry 'a:nothing'" in ended.out
    assert ended.out.endswith("\n1 note\n3 entries in 1 file, no findings\n")
    assert (note["level"], note["line"], note["message"]) == ("note", 2, "no entry 'a:nothing'")


def test_validate_as_json_has_every_part_of_a_finding(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text("namespace: a\nentries:\n  - {name: x, kind: nope}\n")

    ended = execute("validate", str(tmp_path), "--json")

    (finding,) = json.loads(ended.out)
    assert ended.code == 3
    assert (finding["line"], finding["column"]) == (3, 21)
    assert (finding["level"], finding["message"]) == ("error", "unknown kind 'nope'")
    assert json.loads(execute("validate", FOLDER, "--json").out) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell: str) -> None:
    assert "_RUNTIME_COMPLETE" in execute("completion", shell).out


def test_completion_knows_the_commands() -> None:
    asked = {"_RUNTIME_COMPLETE": "bash_complete", "COMP_WORDS": "runtime va", "COMP_CWORD": "1"}

    ended = execute(env={**os.environ, **asked})

    assert ended.out.strip() == "plain,validate"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("nonsense", "is not an override; write namespace:entry:field.path=value"),
        ("app:db:name=x", "would rename an entry"),
        ("app:db:file=[", "cannot be read"),
        ("app:dv:file=x", "no entry 'app:dv'; did you mean 'app:db'?"),
        ("app:db:flie=x", "unknown field 'flie'; did you mean 'file'?"),
        ("app:db:file.x=y", "'file' holds no fields to change"),
    ],
)
def test_a_wrong_override_is_told_at_the_override(override: str, said: str) -> None:
    ended = execute("validate", FOLDER, "-o", override)

    assert ended.code in (2, 3)
    assert said in " ".join((ended.out + ended.err).split())
    assert "Traceback" not in ended.err


def test_an_env_file_gives_values_that_real_variables_beat(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(
        "namespace: a\nentries:\n  - {name: h, kind: process.host, max_processes: '${env:MANY}'}\n"
    )
    (tmp_path / "vars").write_text('# a comment\nexport MANY="3"\n')
    (tmp_path / "bad").write_text("MANY 3\n")
    folder, file = str(tmp_path), str(tmp_path / "vars")

    assert execute("validate", folder).code == 3
    assert execute("validate", folder, "--env-file", file).code == 0
    beaten = execute("validate", folder, "--env-file", file, env={**os.environ, "MANY": "none"})
    assert beaten.code == 3
    wrong = execute("validate", folder, "--env-file", str(tmp_path / "bad"))
    assert wrong.code == 2
    assert "bad:1:1" in wrong.err


def test_the_last_env_file_wins(tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(
        "namespace: a\nentries:\n  - {name: h, kind: registry.entry, is: '${env:A}${env:B}'}\n"
    )
    (tmp_path / "one").write_text("A=1\nB=1\n")
    (tmp_path / "two").write_text("B=2\n")
    files = [f"--env-file={tmp_path / name}" for name in ("one", "two")]

    shown = json.loads(execute("show", "h", str(tmp_path), *files, "--json").out)

    assert shown["fields"]["is"] == "12"


@pytest.mark.parametrize("command", ["run", "validate", "list", "graph", "show"])
def test_every_command_takes_overlays(command: str, tmp_path: Path) -> None:
    (tmp_path / "_index.yaml").write_text(
        "namespace: a\nentries:\n  - {name: h, kind: process.host}\n"
    )
    (tmp_path / "prod.yaml").write_text("a:h:\n  max_processes: 0\n")
    entry = ["h"] if command == "show" else []

    ended = execute(command, *entry, str(tmp_path), "-f", str(tmp_path / "prod.yaml"))
    missing = execute(command, *entry, str(tmp_path), "-f", "nowhere.yaml")

    assert ended.code == 3
    assert "prod.yaml:2:18: 'max_processes' is 0, less than 1" in ended.out + ended.err
    assert missing.code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("queue", "peak"), "no command 'peak'; did you mean 'peek'?"),
        (("task", "show"), "no command 'show'; there is cancel, get"),
        (("dead", "letters"), "no command 'letters'; there is drop, ls, requeue, show"),
        (("cron", "fires"), "no command 'fires'; did you mean 'fire'?"),
    ],
)
def test_a_command_that_a_group_does_not_have_is_told(words: tuple[str, ...], said: str) -> None:
    ended = execute(*words)
    assert ended.code == 2
    assert f"Error: {said}\n" in ended.err
