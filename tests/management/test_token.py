"""The token of those who may act: in a variable, or in a file that one names."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.cli.managing import token
from runtime.service import StartError


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_TOKEN", raising=False)
    monkeypatch.delenv("RUNTIME_TOKEN_FILE", raising=False)


def test_without_either_there_is_none() -> None:
    assert token() is None


def test_a_file_has_it_without_its_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of the file\n")
    monkeypatch.setenv("RUNTIME_TOKEN_FILE", str(tmp_path / "token"))
    assert token() == "of the file"

    monkeypatch.setenv("RUNTIME_TOKEN", "of the variable")
    assert token() == "of the variable"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b" \n", "is empty"), (b"\xff", "is not UTF-8")],
)
def test_a_file_that_gives_none_ends_the_start(
    content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RUNTIME_TOKEN_FILE", str(path))

    with pytest.raises(StartError, match=f"RUNTIME_TOKEN_FILE: '.*' .*{why}"):
        token()
