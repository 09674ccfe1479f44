"""runtime exec: commands of an application, run by the real program."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.blackbox import execute, write_files
from tests.support.commands import application, exec_in, executing
from tests.support.program import running

pytestmark = pytest.mark.slow


def test_it_starts_what_the_function_names_and_prints_what_it_prints(tmp_path: Path) -> None:
    folder = application(tmp_path)
    first = exec_in(folder, "add-user", "ann", "--age", "5")
    second = exec_in(folder, "add-user", "bob")

    assert (first.code, first.out) == (0, "1 users\n")
    assert (second.code, second.out) == (0, "2 users\n")
    (line,) = map(json.loads, second.err.splitlines())
    assert (line["entry"], line["message"], line["fields"]) == ("app:add", "added", {"name": "bob"})


def test_all_mistakes_are_told_at_once_and_nothing_is_started(tmp_path: Path) -> None:
    folder = application(tmp_path)
    done = exec_in(folder, "add-user", "b", "c", "--age=x", "--quite", "--quiet=1")

    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "Error: 'add-user':",
        "  no option '--quite'; did you mean '--quiet'?",
        "  --quiet is a flag, which has no value",
        "  'c' is one argument too many",
        "  NAME 'b' must have at least 2 characters",
        "  --age 'x' must be an integer",
        "See 'runtime exec add-user --help'.",
    ]
    assert not (folder / "a.db").exists()


def test_the_help_has_the_docstring_and_the_arguments(tmp_path: Path) -> None:
    done = exec_in(application(tmp_path), "add-user", "--help")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Usage: runtime exec add-user [OPTIONS] NAME",
        "",
        "  Add a user.",
        "",
        "  Prints how many there are.",
        "",
        "Arguments:",
        "  NAME  Their name. (a string)",
        "",
        "Options:",
        "  --age                 an integer; default 18",
        "  --quiet / --no-quiet",
    ]


def test_without_a_name_it_lists_the_commands(tmp_path: Path) -> None:
    folder = application(tmp_path)

    assert exec_in(folder).out.splitlines()[0].split("  ") == ["add-user", "Add a user."]
    assert json.loads(exec_in(folder, "--json").out)[1] == {
        "name": "end",
        "help": "",
        "entry": "app:end",
    }


def test_an_unknown_command_is_2_with_the_one_that_is_meant(tmp_path: Path) -> None:
    done = exec_in(application(tmp_path), "add-usr")

    assert (done.code, done.err) == (2, "Error: no command 'add-usr'; did you mean 'add-user'?\n")


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("return", 3, ""),
        ("exit", 3, ""),
        ("say", 1, "that is all\n"),
        ("raise", 1, 'raise ValueError(\\"bad luck\\")'),
        ("text", 1, "done\n"),
        ("list", 1, "it returned [], which is not an exit code"),
        ("reach", 1, "'app:db' is not started for this command"),
    ],
)
def test_the_exit_code_is_the_functions(tmp_path: Path, how: str, code: int, said: str) -> None:
    done = exec_in(application(tmp_path), "end", how, "--code", "3")

    assert done.code == code
    assert said in done.err


@pytest.mark.parametrize("given", ["256", "-1"])
def test_a_code_that_no_program_can_exit_with_is_a_failure(tmp_path: Path, given: str) -> None:
    assert exec_in(application(tmp_path), "end", "return", f"--code={given}").code == 1


def test_what_cannot_start_is_4(tmp_path: Path) -> None:
    done = exec_in(application(tmp_path), "-o", f"app:db:file={tmp_path}", "add-user", "ann")
    assert done.code == 4
    assert "app:db could not start" in done.err
    folder = write_files(tmp_path, {"users.py": "import nowhere\nasync def add(): ...\n"})
    broken = exec_in(folder, "add-user")
    assert broken.code == 3  # `enqueue` is not in the file either

    written = "import nowhere\nasync def add(): ...\nasync def enqueue(): ...\n"
    failed = exec_in(write_files(tmp_path, {"users.py": written}), "add-user")
    assert failed.code == 4
    assert "No module named 'nowhere'" in failed.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_function(tmp_path: Path, number: int) -> None:
    with executing(application(tmp_path), "wait") as program:
        program.wait_for_output("waiting")
        program.signal(number)

        assert program.wait() == 128 + number
        assert program.stderr == ""


def test_a_function_that_waits_for_the_stop_ends_by_itself(tmp_path: Path) -> None:
    with executing(application(tmp_path), "wait", "--how=stopping") as program:
        program.wait_for_output("waiting")
        program.signal(signal.SIGINT)

        assert program.wait() == 9
        assert program.stdout.endswith("stopped\n")


def test_a_thread_that_never_returns_does_not_keep_it(tmp_path: Path) -> None:
    with executing(application(tmp_path), "wait", "--how=blocked") as program:
        program.wait_for_output("waiting")
        program.signal(signal.SIGINT)

        assert program.wait() == 130


def test_a_def_does_not_keep_it_either(tmp_path: Path) -> None:
    with executing(application(tmp_path), "end", "sleep") as program:
        program.wait_for_output("waiting")
        program.signal(signal.SIGTERM)

        assert program.wait() == 143


def test_what_only_memory_keeps_is_lost_with_a_warning(tmp_path: Path) -> None:
    folder = application(tmp_path)
    text = (folder / "_index.yaml").read_text(encoding="utf-8")
    memory = text.replace("kind: queue.driver.sql, database: db", "kind: queue.driver.memory")
    (folder / "_index.yaml").write_text(memory, encoding="utf-8")
    done = exec_in(folder, "enqueue", "1", "2")

    assert done.code == 0
    assert "2 messages" in done.err


def test_what_it_publishes_reaches_the_application_that_runs(tmp_path: Path) -> None:
    folder = write_files(
        application(tmp_path),
        {
            "broken.py": "def main(): pass\n",
            "work.py": """
                from runtime.modules import logger

                async def work(body):
                    logger.info(f"got {body['n']}")
                """,
        },
    )
    with (folder / "_index.yaml").open("a", encoding="utf-8") as manifest:
        manifest.write(
            "  - {name: worker, kind: queue.consumer, queue: tasks, func: 'file://work.py#work',"
            " lifecycle: {auto_start: true}}\n"
        )
    with running(folder, "-o", "app:gateway:addr=127.0.0.1:0") as program:
        assert exec_in(folder, "enqueue", "1", "2").code == 0
        program.wait_for("got 1")
        program.wait_for("got 2")
        assert program.stop() == 0


def test_two_commands_of_one_name_are_a_finding(tmp_path: Path) -> None:
    folder = application(tmp_path)
    text = (folder / "_index.yaml").read_text(encoding="utf-8")
    (folder / "_index.yaml").write_text(text.replace("{name: wait}", "{name: end}"), "utf-8")
    done = exec_in(folder)

    assert done.code == 3
    assert "the command 'end' is taken; 'app:end' has it at" in done.err


def test_a_function_that_no_command_line_fits_is_a_finding(tmp_path: Path) -> None:
    folder = application(tmp_path)
    write_files(
        folder,
        {
            "ends.py": """
                from msgspec import Struct
                from runtime.modules import http

                class User(Struct):
                    name: str

                def end(user: User): ...
                def wait(request: http.Request): ...
                """
        },
    )
    done = exec_in(folder)

    assert done.code == 3
    assert "'user' is a record, but the command 'end' is called with texts" in done.err
    assert "'request' asks for http.Request, but the command 'wait' has none" in done.err


def test_names_are_completed(tmp_path: Path) -> None:
    words = f"runtime exec -C {application(tmp_path)} e"
    environment = {"_RUNTIME_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "4"}
    done = execute(env={**os.environ, **environment})

    assert sorted(done.out.split()) == ["plain,end", "plain,enqueue"]


def test_a_command_needs_no_service(tmp_path: Path) -> None:
    done = execute("validate", str(application(tmp_path)))

    assert "no service runs this process" not in done.out + done.err
