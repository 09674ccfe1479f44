"""The files of migrations: their names, their order, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.engines.sql.migrations.folder import Folder, read_folder
from runtime.engines.sql.migrations.migration import read
from tests.support.blackbox import write_files


def folder(path: Path, files: dict[str, str]) -> Folder:
    return read_folder(write_files(path, files), "migrations")


def faults(path: Path, files: dict[str, str]) -> list[str]:
    return [f"{f.message}; {f.hint}" if f.hint else f.message for f in folder(path, files).faults]


def test_the_numbers_decide_the_order_and_may_have_gaps(tmp_path: Path) -> None:
    found = folder(
        tmp_path,
        {
            "10_ten.sql": "SELECT 1",
            "9_nine.sql": "SELECT 1",
            "20261128023500_later-on.py": "def migrate(tx): pass",
            "0002_two.sql": "SELECT 1",
        },
    )

    assert [each.version for each in found.migrations] == [2, 9, 10, 20261128023500]
    assert found.faults == []


def test_what_is_no_migration_is_left_alone(tmp_path: Path) -> None:
    files = {"README.md": "", ".hidden.sql": "", "__init__.py": "", "__pycache__/x.py": ""}

    assert folder(tmp_path, files) == Folder([], [])


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("tasks.sql", "'migrations/tasks.sql' is not the name of a migration; write 0001_name.sql"),
        ("1-tasks.sql", "'migrations/1-tasks.sql' is not the name of a migration"),
        ("0001_a b.sql", "'migrations/0001_a b.sql' is not the name of a migration"),
        ("0001_a.SQL", "'migrations/0001_a.SQL' is not the name of a migration"),
        ("helper.py", "'migrations/helper.py' is not the name of a migration"),
        ("1_a.up.sql", "'migrations/1_a.up.sql' has a dot in its name; write 1_a.sql"),
        ("1_a.down.sql", "'migrations/1_a.down.sql' is a way back, and migrations go forward only"),
    ],
)
def test_a_file_that_looks_like_a_migration_is_not_passed_over(
    tmp_path: Path, name: str, fault: str
) -> None:
    (found,) = faults(tmp_path, {name: "SELECT 1"})

    assert found.startswith(fault)


def test_two_files_of_one_number_are_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, {"1_a.sql": "SELECT 1", "0001_b.sql": "SELECT 1"}) == [
        "'migrations/0001_b.sql' and '1_a.sql' have the same number; "
        "give one of them the next free number"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has no statement; write one, or delete the file"),
        ("-- later\n/* or never */ ;", "has no statement; write one, or delete the file"),
        (
            "-- runtime: no transactions\nVACUUM",
            "begins with '-- runtime: no transactions'; did you mean 'no transaction'?",
        ),
        (
            "-- runtime: fast\nSELECT 1",
            "begins with '-- runtime: fast'; there are: no transaction, foreign_keys off",
        ),
        (
            "-- runtime: no transaction\n-- runtime: foreign_keys off\nSELECT 1",
            "has both 'no transaction' and 'foreign_keys off'; "
            "the latter is for a transaction; make two files of it",
        ),
    ],
)
def test_sql_is_looked_at_no_further_than_its_first_lines(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert faults(tmp_path, {"0001_a.sql": text}) == [f"'migrations/0001_a.sql' {fault}"]


WRITE = "write 'async def migrate(tx):'"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def main(tx): pass", f"' has no function 'migrate'; {WRITE}"),
        ("import os\ndef migrate(: pass", ":2' is not Python: invalid syntax"),
        ("def migrate(): pass", f":1': 'migrate' is called with the transaction alone; {WRITE}"),
        (
            "def migrate(tx, n): pass",
            f":1': 'migrate' is called with the transaction alone; {WRITE}",
        ),
        (
            "def migrate(tx, *, n): pass",
            f":1': 'migrate' is called with the transaction alone; {WRITE}",
        ),
    ],
)
def test_python_is_read_and_not_run(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, {"0001_a.py": text}) == [f"'migrations/0001_a.py{fault}"]


@pytest.mark.parametrize(
    "text",
    [
        "async def migrate(tx): pass",
        "def migrate(tx, batch=100): pass",
        "def migrate(*all): pass",
        "from .rest import migrate",
        "from .rest import *",
        "migrate = print",
        "class migrate: pass",
    ],
)
def test_any_name_that_may_be_the_function_will_do(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, {"0001_a.py": text}) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (fault,) = read_folder(tmp_path / "none", "./none").faults
    (tmp_path / "file").touch()
    (other,) = read_folder(tmp_path / "file", "./file").faults

    assert fault.message == "no folder './none'"
    assert other.message == "'./file' is no folder"


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT '\xff'")

    (fault,) = read_folder(tmp_path, "migrations").faults
    assert fault.message == "'migrations/0001_a.sql' is not UTF-8"


def test_line_ends_and_a_byte_order_mark_do_not_change_a_checksum() -> None:
    plain = read(1, "0001_a.sql", b"SELECT 1;\nSELECT 2;\n")

    assert read(1, "0001_a.sql", b"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n") == plain
    assert read(1, "0001_a.sql", b"SELECT 1;\nSELECT 3;\n").checksum != plain.checksum


@pytest.mark.parametrize(
    "text",
    [
        "-- runtime: no transaction\nSELECT 1",
        "\n-- Why.\n--runtime:  No  Transaction\nSELECT 1",
        "/* Why. */\n-- runtime: no transaction\nSELECT 1",
    ],
)
def test_a_comment_before_the_first_statement_asks_for_no_transaction(text: str) -> None:
    assert read(1, "1_a.sql", text.encode()).outside
    assert not read(1, "1_a.sql", b"SELECT 1;\n-- runtime: no transaction\n").outside
