"""The dialect of `--env-file`: what is read, and what is refused at its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.findings.finding import ManifestError
from runtime.manifest.env_file import MAX_BYTES, read_env_file
from runtime.manifest.text_file import Unreadable
from tests.support.blackbox import execute


def read(folder: Path, text: str | bytes) -> dict[str, str]:
    file = folder / "vars"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_env_file(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", "1"),
        ("\ufeffA=1\n", "1"),
        ("  export\tA = 1  \r\n", "1"),
        ("# B=2\n\n\t# more\nA=1", "1"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=#fff", "#fff"),
        ("A=a # why", "a"),
        ("A=a#b", "a#b"),
        ("A=a\t# why", "a"),
        ("A=a b  ", "a b"),
        ("A=it's", "it's"),
        ("A=x=y", "x=y"),
        ("A=p$w$", "p$w$"),
        ("A='a # b' # why", "a # b"),
        ('A="s3cret # part of it" # of the mail server', "s3cret # part of it"),
        ("A='no \\n escapes ${X}'", "no \\n escapes ${X}"),
        (r'A="\"\\\n\t\$x"', '"\\\n\t$x'),
        ('A="one\ntwo"\nB=3', "one\ntwo"),
        ("A='one\r\ntwo'", "one\ntwo"),
        ("A=one\u2028B=2\u0085C=3", "one\u2028B=2\u0085C=3"),
        ("A=''", ""),
    ],
)
def test_a_value_is_read(text: str, value: str, tmp_path: Path) -> None:
    assert read(tmp_path, text)["A"] == value


def test_every_name_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "A=1\nb_2='2'\nspring.port=3\n") == {
        "A": "1",
        "b_2": "2",
        "spring.port": "3",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nhunter2\n", "2:1: not a line of the form NAME=value"),
        ("1A=hunter2", "1:1: not a line of the form NAME=value"),
        ("export A", "1:1: not a line of the form NAME=value"),
        ('A="hunter2', "1:3: the value of 'A' has a quote that is never closed"),
        ("A='hunter2\nB=1", "1:3: the value of 'A' has a quote that is never closed"),
        ('A="x" hunter2', "1:6: text after the closing quote of 'A'; only a comment may follow"),
        ('A="x"#hunter2', "1:6: text after the closing quote of 'A'"),
        ('A="x\nB="hunter2"', "2:4: text after the closing quote of 'A'"),
        ('A="C:\\dir"', "1:6: the value of 'A' has an unknown escape"),
        ("A=1\nA=hunter2", "2:1: 'A' stands here twice; the first is at "),
        ("A=http://${HOST}/", "1:3: the value of 'A' has a ${…}, which is not expanded here"),
        ('A="${HOST}"', "1:3: the value of 'A' has a ${…}, which is not expanded here"),
        ("A=\0hunter2", "1:3: a control character (\\x00)"),
        ("A=1\fB=hunter2", "1:4: a control character (\\x0c)"),
        ("A=1\rB=2", "1:4: a control character (\\x0d)"),
    ],
)
def test_what_has_two_meanings_is_refused_and_never_printed(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, text)

    (finding, *_) = caught.value.findings
    assert f"vars:{said}" in str(finding)
    assert "hunter2" not in str(caught.value)


def test_all_faults_are_told_at_once_and_end_somewhere(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, "x\nA=1\ny\n")
    assert [finding.position.line for finding in caught.value.findings] == [1, 3]

    with pytest.raises(ManifestError) as caught:
        read(tmp_path, "x\n" * 10_000)
    assert len(caught.value.findings) == 20


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("link")

    for path, said in [
        (tmp_path / "none", "no such file or directory"),
        (tmp_path, "a folder, not a file"),
        (tmp_path / "pipe", "not a file"),
        (Path("/dev/zero"), "not a file"),
        (tmp_path / "link", "too many levels of symbolic links"),
        (Path("a\0b"), "not the name of a file"),
    ]:
        with pytest.raises(Unreadable, match=said):
            read_env_file(path)


def test_a_file_is_bounded_and_has_to_be_utf_8(tmp_path: Path) -> None:
    assert len(read(tmp_path, "A=" + "x" * (MAX_BYTES - 2))["A"]) == MAX_BYTES - 2
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        read(tmp_path, "A=" + "x" * (MAX_BYTES - 1))
    with pytest.raises(Unreadable, match="not UTF-8 text"):
        read(tmp_path, b"A=\xff")


@pytest.mark.parametrize("name", ["none", "pipe", "folder", "latin"])
def test_a_command_says_in_one_line_that_it_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "_index.yaml").write_text("namespace: a\nentries: []\n")
    (tmp_path / "latin").write_bytes(b"A=\xe9")
    os.mkfifo(tmp_path / "pipe")

    ended = execute("validate", str(tmp_path), "--env-file", str(tmp_path / name))

    (line,) = ended.err.splitlines()
    assert ended.code == 2
    assert line.startswith(f"Error: --env-file {tmp_path / name}: ")
