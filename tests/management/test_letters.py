"""Dead letters by cause: the user's own line, and its source."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from runtime.engines.management.letters import Excerpt, Frame, excerpt, frames, groups, letter
from runtime.engines.queue.message import Message
from tests.support.night import LETTERS, NOW, iso

TRACEBACK = """Traceback (most recent call last):
  File "{folder}/old.py", line 3, in old
    raise KeyError
KeyError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "{folder}/src/process_task.py", line 22, in main
    result = sum(numbers)
  File "/usr/lib/python3.11/site-packages/lib/code.py", line 7, in helper
    raise TypeError
TypeError: no number
"""


def test_the_calls_of_the_last_error_are_told(tmp_path: Path) -> None:
    found = frames(TRACEBACK.format(folder=tmp_path), tmp_path)

    assert [(frame.place, frame.function, frame.own) for frame in found] == [
        ("src/process_task.py:22", "main", True),
        ("lib/code.py:7", "helper", False),
    ]


def test_a_traceback_whose_beginning_was_cut_off_is_read_too(tmp_path: Path) -> None:
    cut = TRACEBACK.format(folder=tmp_path)[-240:]

    assert [frame.place for frame in frames(cut, tmp_path)][-1] == "lib/code.py:7"
    assert frames("", tmp_path) == ()


def test_a_letter_is_told_without_its_body(tmp_path: Path) -> None:
    headers = {
        "x_dead_letter_reason": "attempts",
        "x_dead_letter_error": "TypeError: no number",
        "x_dead_letter_traceback": TRACEBACK.format(folder=tmp_path),
        "x_dead_letter_time": "2026-11-28T02:13:02.000+00:00",
        "attempts": "10",
        "x_requeued": "2",
        "tenant": "acme",
    }
    told = letter(Message("m1", b'{"secret": 1}', headers, published=5.0), "app:tasks", tmp_path)

    assert (told.id, told.reason, told.attempts, told.size, told.requeues) == (
        ("m1", "attempts", 10, 13, 2)
    )
    assert told.headers == ("tenant", "x_requeued")
    assert told.own is not None
    assert told.own.place == "src/process_task.py:22"
    assert "secret" not in repr(told)


def test_letters_of_strange_headers_are_told(tmp_path: Path) -> None:
    for attempts in ("", "-3", "nan", "9" * 30, "²"):
        told = letter(Message("m", b"", {"attempts": attempts}), "app:tasks", tmp_path)
        assert told.attempts == 0
        assert told.own is None


def test_letters_are_grouped_by_queue_error_and_place() -> None:
    (one, *_), other = LETTERS, Frame("other.py", 1, "main", True)
    elsewhere = replace(one, id="e", frames=(other,), died="2027-01-01")
    found = groups([*LETTERS, elsewhere])

    assert [group.cause for group in found] == [
        "TypeError@other.py:1",
        "TypeError@process_task.py:22",
    ]
    assert [each.id[-3:] for each in found[1].letters] == ["bf7", "bf2", "be9"]  # the newest first
    assert len({group.key for group in found}) == 2


def test_the_lines_around_a_fault_are_shown(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text("".join(f"line {n}\n" for n in range(1, 9)))

    def found(line: int) -> Excerpt:
        return excerpt(Frame("task.py", line, "main", True, f"line {line}"), "", tmp_path)

    assert found(4) == Excerpt(2, ("line 2", "line 3", "line 4", "line 5", "line 6"))
    assert found(1) == Excerpt(1, ("line 1", "line 2", "line 3"))
    assert found(900).lines == ()


def test_a_line_that_is_another_one_than_at_the_failure_is_told(tmp_path: Path) -> None:
    traceback = TRACEBACK.format(folder=tmp_path)
    own, library = frames(traceback, tmp_path)
    file = tmp_path / own.file
    file.parent.mkdir()

    def changed(text: str) -> bool:
        file.write_text(text)
        return excerpt(own, "2026-11-28T02:13:02.000+00:00", tmp_path).changed

    assert (own.code, library.code) == ("result = sum(numbers)", "raise TypeError")
    assert not changed("\n" * 21 + "        result = sum(numbers)\n")
    assert not changed("# others have changed\n" * 21 + "    result = sum(numbers)\n")
    assert changed("\n" * 22 + "    result = sum(numbers)\n")
    assert changed("")


def test_without_its_text_a_line_counts_as_changed_if_the_file_is_newer(tmp_path: Path) -> None:
    file, frame = tmp_path / "task.py", Frame("task.py", 1, "main", True)
    file.write_text("line 1")
    os.utime(file, (NOW, NOW))

    assert not excerpt(frame, iso(NOW + 1), tmp_path).changed
    assert excerpt(frame, iso(NOW - 1), tmp_path).changed


def test_only_the_application_s_own_code_is_read(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "secret.py").write_text("secret")
    (tmp_path / "app" / "notes.txt").write_text("secret")
    (tmp_path / "app" / "link.py").symlink_to(tmp_path / "secret.py")

    for file in ("../secret.py", "notes.txt", "link.py", "gone.py", str(tmp_path / "secret.py")):
        assert excerpt(Frame(file, 1, "main", True), "", tmp_path / "app").lines == ()
    assert excerpt(Frame("app/x.py", 1, "main", False), "", tmp_path).lines == ()
