"""The applications of documentation pages, and the lines that pages run against them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.blackbox import FREE_PORT, eventually, running
from tests.support.doc_examples import Command, Step, commands, matches
from tests.support.program import running as running_program

DIRECT = "http://localhost:8080/"
"""The address of applications in pages."""

PROXIED = "http://localhost/"
"""The address of proxies in pages."""

_CURLRC = """
silent
show-error
write-out = "\\n# %{http_code}"
"""

_CHANGING = {"-X", "-d", "-F", "-T", "--data-binary"}
"""Options of curl lines that are run once; others are repeated, since a consumer may be busy."""


class NotInstalled(Exception):
    """A program that a page needs is missing; its text is the name."""


@dataclass(frozen=True, slots=True)
class Launch:
    """`NAME=value DIR OPTIONS` of a comment."""

    variables: dict[str, str]
    folder: str
    options: list[str]

    @classmethod
    def parse(cls, text: str) -> Launch:
        words = shlex.split(text)
        variables = {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        return cls(variables, words[0], words[1:])


def serve(step: Step, folder: Path, place: str, given: Mapping[str, str]) -> None:
    """Run the lines of a `serve` or `proxy` block, and then stop the application.

    All programs and lines have the `given` variables.
    """
    _need("curl")
    texts = step.argument.split(" | ")
    configuration = texts.pop(0) if step.action == "proxy" else ""
    if configuration:
        _need(Path(configuration).stem)
    first, *others = map(Launch.parse, texts)
    with ExitStack() as stack:
        addresses = {}
        for other in others:
            program = stack.enter_context(
                running_program(
                    folder / other.folder, *other.options, env={**given, **other.variables}
                )
            )
            if any("gateway:addr" in option for option in other.options):
                addresses[other.folder] = program.url("")
        own = {name: value.format_map(addresses) for name, value in first.variables.items()}
        variables = {**given, **own}
        options = [word for word in first.options if word != "-o"]  # `running` adds it again
        site = stack.enter_context(
            running(folder / first.folder, FREE_PORT, *options, env=variables)
        )
        address = {DIRECT: f"{site.address}/"}
        if configuration:
            proxy = stack.enter_context(_running_proxy(folder / configuration, site.port))
            address[PROXIED] = f"{proxy}/"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **variables, "PATH": path, "no_proxy": "*"}
        for command in commands(step.text):
            run_line(command, folder, address, environment, place)
        assert site.stop() == 0, place


def _need(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise NotInstalled(program)
    return found


def run_line(
    command: Command, folder: Path, addresses: dict[str, str], env: dict[str, str], place: str
) -> None:
    """Run a line, again until its output matches unless it changes something."""
    line = command.line
    for written, real in addresses.items():
        line = line.replace(written, real)
    if match := re.fullmatch(r"([A-Z_]+)=(\$\(.*\))", line):
        env[match[1]] = _output(f'printf %s "{match[2]}"', folder, env)
        return
    (folder / ".curlrc").write_text(_CURLRC, encoding="utf-8")
    expected = re.sub(r"^# (\d+) .*", r"# \1", command.expected, flags=re.MULTILINE)
    found: list[str] = []

    def is_right() -> bool:
        output = _output(line, folder, {**env, "CURL_HOME": str(folder)}).replace("\r\n", "\n")
        # the status stands in the first line already
        found.append(re.sub(r"\n# \d+$", "", output) if "-i" in command.words else output)
        return matches(expected, found[-1])

    try:
        if _CHANGING.isdisjoint(command.words):
            eventually(is_right)
        else:
            assert is_right()
    except AssertionError:
        pytest.fail(f"{place}: expected\n{expected}\nbut got\n{found[-1]}")


def _output(line: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout + done.stderr


@contextmanager
def _running_proxy(configuration: Path, upstream: int) -> Iterator[str]:
    """Run nginx or HAProxy with a page's file, between other ports; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = configuration.read_text(encoding="utf-8")
    assert "127.0.0.1:8080" in text, configuration
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    text, listeners = re.subn(
        r"^( *(?:listen|bind)) \S*?80\b", rf"\1 127.0.0.1:{port}", text, flags=re.M
    )
    assert listeners == 1, configuration
    file = configuration.with_suffix(".tried")
    if configuration.stem == "nginx":
        text = _whole_nginx(text)
        command = [_need("nginx"), "-p", str(file.parent), "-c", str(file), "-e", "stderr"]
    else:
        command = [_need("haproxy"), "-db", "-f", str(file)]
    file.write_text(text, encoding="utf-8")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def accepts() -> bool:
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    try:
        eventually(accepts)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _whole_nginx(site: str) -> str:
    """A whole configuration around one that an `http` block includes."""
    temporary = "\n".join(
        f"  {name}_temp_path {name}_temp;"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # of whom the folder of the test is
    return (
        f"daemon off;\npid nginx.pid;\n{user}\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}\n{site}}}\n"
    )
