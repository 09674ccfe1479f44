"""Damage: the database file is corrupted, truncated, emptied, of another version, or read-only."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.reliability import application
from tests.reliability.audit import audit, check_integrity, check_log, settle
from tests.reliability.load import post
from tests.reliability.scenario import Outcome, Size, Trial, trial
from tests.support.program import running

NAME = "random bytes, cut, empty, of another version, read-only, without its journal"
SHORT = Size(messages=50, times=3)
LONG = Size(messages=500, times=50)
"""Messages in the file, and random damages of each sort."""

ORDINARY = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
"""Makes programs of root obey file permissions too."""
LEFT = "it was left as it is"
NOT_A_DATABASE = "is not an SQLite database; it was left as it is"


def run(folder: Path, size: Size, seed: int) -> Outcome:
    """A damaged file is refused with exit code 4 and one error line, and left untouched."""
    with trial(NAME, folder, size, seed) as t:
        killed = folder / "killed"
        accepted = killed_with_messages(killed, size.messages)
        stopped = folder / "stopped"
        shutil.copytree(killed, stopped)
        with running(stopped, "-o", "app:worker:lifecycle.auto_start=false") as program:
            assert program.stop() == 0
        damages = choose_damages(t)
        with ThreadPoolExecutor(3) as pool:
            answers = pool.map(
                lambda pair: check_refusal(stopped, folder / str(pair[0]), *pair[1]),
                enumerate(damages),
            )
            wrong = [answer for answer in answers if answer]
        assert not wrong, "\n".join(wrong)
        lose_the_journal(killed, folder / "cut-off")
        share(killed, folder / "shared", accepted)
        t.outcome.accepted = len(accepted)
    return t.outcome


def killed_with_messages(folder: Path, count: int) -> set[str]:
    """Kill a program with `count` messages, which leaves a file and its journal; their ids."""
    application.write(folder)
    with running(folder, "-o", "app:worker:lifecycle.auto_start=false") as program:
        accepted = {id for n in range(count) if (id := post(program.port, n=n))}
        program.kill()
    return accepted


Damage = Callable[[Path], None]


def choose_damages(t: Trial) -> list[tuple[Damage, str]]:
    """Damages, each with a text that the error line must contain."""
    chance = t.chance

    def scribble(start: int, length: int) -> Damage:
        content = chance.randbytes(length)

        def apply(file: Path) -> None:
            with file.open("r+b") as opened:
                opened.seek(start)
                opened.write(content)

        return apply

    def truncate(share: float) -> Damage:
        return lambda file: os.truncate(file, int(file.stat().st_size * share))

    def execute(*statements: str) -> Damage:
        def apply(file: Path) -> None:
            with closing(sqlite3.connect(file)) as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.commit()

        return apply

    damages = [
        (lambda file: file.write_bytes(chance.randbytes(8192)), NOT_A_DATABASE),
        (lambda file: os.chmod(file, 0o444), "is read-only; the database must be writable"),
        (execute("UPDATE runtime_version SET version = 99"), "of version 99"),
        (execute("UPDATE runtime_version SET version = 0"), "of version 0"),
        (execute("UPDATE runtime_version SET version = 'x'"), "of version x"),
        (execute("DELETE FROM runtime_version"), "of version none"),
        (
            execute("DROP TABLE runtime_version", "CREATE TABLE runtime_version (a)"),
            "no such column",
        ),
        (execute("DROP TABLE runtime_owner"), "no such table: runtime_owner"),
        (execute("DROP TABLE runtime_message"), "no such table: runtime_message"),
        (empty_beside_its_journal, "is empty, but its journal"),
    ]
    for _ in range(t.size.times):
        damages.append((scribble(0, chance.randrange(16, 4096)), LEFT))
        damages.append((truncate(chance.uniform(0.05, 0.95)), LEFT))
    return damages


def empty_beside_its_journal(file: Path) -> None:
    shutil.copy(file, file.with_name(file.name + "-wal"))
    os.truncate(file, 0)


def check_refusal(healthy: Path, folder: Path, damage: Damage, text: str) -> str | None:
    """Damage a copy and start a program on it; the reason if it was not refused properly."""
    shutil.copytree(healthy, folder)
    damage(folder / "data" / "a.db")
    before = contents(folder)
    with running(folder, ready=False, inside=ORDINARY) as program:
        code = program.wait()
        errors = [line["message"] for line in program.log if line["level"] == "error"]
        if code != 4 or len(errors) != 1 or text not in errors[0] or "Traceback" in program.stderr:
            return f"wanted '{text}', got {code} and {program.stderr}"
    return None if contents(folder) == before else f"'{text}', and the file was changed"


def contents(folder: Path) -> dict[str, bytes]:
    """The files of the database, without the index of its journal, which is only a cache."""
    files = (folder / "data").iterdir()
    return {file.name: file.read_bytes() for file in files if not file.name.endswith("-shm")}


def lose_the_journal(killed: Path, folder: Path) -> None:
    """Without its journal a file is older but consistent, so it opens and works."""
    shutil.copytree(killed, folder)
    os.remove(folder / "data" / "a.db-wal")
    with running(folder) as program:
        id = post(program.port, n=0)
        assert id is not None
        settle(folder, [id])
        assert program.stop() == 0
        check_log(program)


def share(killed: Path, folder: Path, accepted: set[str]) -> None:
    """Two programs that start on one file at the same moment handle each message once."""
    shutil.copytree(killed, folder)
    with running(folder, ready=False) as one, running(folder) as two:
        settle(folder, accepted)
        one.wait_for("ready in")
        assert one.stop() == two.stop() == 0
        check_log(one)
        check_log(two)
    assert application.twice(folder) == 0
    assert audit(folder, accepted).open == 0
    check_integrity(folder)
