"""process.command: programs of any language, started, watched, stopped and never left behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from pathlib import Path
from textwrap import indent

import pytest

from runtime.findings.finding import ManifestError
from tests.support.blackbox import write_files
from tests.support.hosting import linked
from tests.support.program import Program, running

ENTRY = """
namespace: app
entries:
  - name: child
    kind: process.command
    command: [{python}, child.py]
    lifecycle:
      auto_start: true
      stop_timeout: 1s
      restart: {{initial_delay: 50ms, max_attempts: 2}}
{more}
"""
TALKS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("asked to end", flush=True), sys.exit(3)))
print("pid", os.getpid(), flush=True)
print("warned", file=sys.stderr, flush=True)
while True: time.sleep(60)
"""


def write(folder: Path, code: str, more: str = "") -> Path:
    manifest = ENTRY.format(python=sys.executable, more=indent(more, "    "))
    write_files(folder, {"_index.yaml": manifest, "child.py": code})
    return folder


def pid_of(program: Program) -> int:
    return int(program.wait_for(lambda line: line["message"].startswith("pid "))["message"][4:])


def is_there(pid: int) -> bool:
    """True for a process that runs, and for none that waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid) if is_there(pid) else None
    if descriptor is not None:
        readable, _, _ = select.select([descriptor], [], [], 20)
        os.close(descriptor)
        assert readable


def test_its_output_is_in_the_log_and_it_is_asked_to_end(tmp_path: Path) -> None:
    with running(write(tmp_path, TALKS)) as program:
        pid = pid_of(program)
        program.wait_for("warned")
        assert program.stop() == 0
        line = program.wait_for("asked to end")

    assert (line["entry"], line["fields"]) == ("app:child", {"stream": "stdout"})
    until_gone(pid)


def test_one_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    code = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("pid", other.pid, flush=True)
    time.sleep(600)
    """
    with running(write(tmp_path, code)) as program:
        pid = pid_of(program)
        assert program.stop() == 6

    until_gone(pid)


def test_it_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    with running(write(tmp_path, TALKS)) as program:
        pid = pid_of(program)
        os.kill(program.pid, signal.SIGKILL)
        until_gone(pid)


def test_one_that_fails_is_restarted_and_given_up_in_the_end(tmp_path: Path) -> None:
    code = "import sys; print('begun', flush=True); sys.exit(7)"
    with running(write(tmp_path, code), ready=False) as program:
        program.wait_for("app:child failed for good after 2 attempts: it ended with exit code 7")
        assert program.stop() == 5
        assert program.messages.count("begun") == 2


def test_one_that_a_signal_ends_is_told_by_its_name(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
    with running(write(tmp_path, code), ready=False) as program:
        line = program.wait_for("it was ended by SIGABRT")
        assert line["entry"] == "app:child"


def test_others_wait_for_the_line_that_says_it_is_ready(tmp_path: Path) -> None:
    code = """
    import os, sys, time
    print("listening on 1", flush=True)
    while not os.path.exists("go"): time.sleep(0.01)
    print("now serving", flush=True)
    time.sleep(600)
    """
    more = 'ready: {line: "^now serv(ing)$"}'
    with running(write(tmp_path, code, more), ready=False) as program:
        program.wait_for("listening on 1")
        assert not [text for text in program.messages if "is running" in text]
        (tmp_path / "go").touch()
        program.wait_for(lambda line: line["message"].startswith("app:child is running"))
        said = program.messages
        assert said.index("now serving") < said.index(next(t for t in said if "is running" in t))


def test_others_wait_for_its_port(tmp_path: Path) -> None:
    code = """
    import socket, sys, time
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    time.sleep(600)
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = write(tmp_path, code, f"ready: {{port: {port}}}")
    manifest = (folder / "_index.yaml").read_text()
    (folder / "_index.yaml").write_text(manifest.replace("child.py]", f"child.py, '{port}']"))
    with running(folder) as program:
        assert any(f"app:child is running on 127.0.0.1:{port}" in t for t in program.messages)


def test_a_oneshot_is_done_before_others_start(tmp_path: Path) -> None:
    more = "type: oneshot\n"
    with running(write(tmp_path, "open('made', 'w').close()", more), ready=False) as program:
        program.wait_for(lambda line: line["message"].startswith("ready in"))
        assert (tmp_path / "made").exists()


def test_its_environment_and_directory_are_as_the_manifest_says(tmp_path: Path) -> None:
    code = """
    import os
    print(os.getcwd(), os.environ["OWN"], "HOME" in os.environ, flush=True)
    """
    more = 'type: oneshot\ndirectory: sub\nenvironment: {OWN: "1"}\ninherit_environment: false'
    folder = write(tmp_path, "", more)
    write_files(folder / "sub", {"child.py": code})
    with running(folder, ready=False) as program:
        program.wait_for(f"{folder / 'sub'} 1 False")


def test_lines_without_an_end_are_cut_and_bytes_escaped(tmp_path: Path) -> None:
    code = r"""
    import sys
    sys.stdout.buffer.write(b"x" * 40_000 + b"\r\n\xff\n\nlast")
    """
    with running(write(tmp_path, code, "type: oneshot"), ready=False) as program:
        program.wait_for("last")
        lengths = [len(text) for text in program.messages if {*text} == {"x"}]
        assert sum(lengths) == 40_000
        assert max(lengths) <= 16 * 1024
        assert r"\xff" in program.messages


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, "")
    manifest = (folder / "_index.yaml").read_text().replace(sys.executable, "no-such-program")
    (folder / "_index.yaml").write_text(manifest)
    with running(folder, ready=False) as program:
        assert program.wait() == 4
        assert "no program 'no-such-program'; install it, or write its path" in program.stderr


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("type: oneshot, ready: {port: 1}", "a oneshot is ready when it has ended"),
        ("ready: {line: '('}", "no regular expression: missing ), unterminated subpattern"),
        ("ready: {line: a, port: 1}", "it has both a line and a port"),
        ("stop_signal: SIGKILL", "SIGKILL"),
        ("ready: {}", "ready"),
    ],
)
def test_what_cannot_be_meant_is_a_finding(tmp_path: Path, fields: str, message: str) -> None:
    entry = f"{{name: c, kind: process.command, command: [sleep, '1'], {fields}}}"
    with pytest.raises(ManifestError) as caught:
        linked(tmp_path, f"namespace: app\nentries:\n  - {entry}\n", {})

    assert any(message in finding.message for finding in caught.value.findings)


def test_a_program_that_this_machine_lacks_is_a_note(tmp_path: Path) -> None:
    starts = "lifecycle: {auto_start: true}"
    entry = f"{{name: c, kind: process.command, command: [no-such-program], {starts}}}"
    (note,) = linked(tmp_path, f"namespace: app\nentries:\n  - {entry}\n", {}).notes

    assert note.message == "there is no program 'no-such-program' on this machine"
