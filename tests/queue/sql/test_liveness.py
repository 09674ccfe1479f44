"""Liveness: only what has certainly ended is dead, whatever keeps us from looking."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.engines.queue.sql.sqlite import liveness
from runtime.engines.queue.sql.sqlite.liveness import ProcessIdentity

INITIAL = "pid:[4026531836]"
OTHER_BOOT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def living() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which waits for the end of its input."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def identity(pid: int) -> ProcessIdentity:
    """The identity that the process has given itself."""
    here = ProcessIdentity.current()
    return here._replace(name=f"{here.name.split()[0]} {pid} {liveness._start(pid)}")


def is_dead(other: ProcessIdentity, on_local_disk: bool = True) -> bool:
    return other.is_dead(ProcessIdentity.current(), on_local_disk)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.open("/proc/self/stat", os.O_RDONLY)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_process_that_runs_is_alive_and_one_that_ended_is_dead(
    living: subprocess.Popen[bytes],
) -> None:
    other = identity(living.pid)
    assert not is_dead(other)

    living.kill()
    os.waitid(os.P_PID, living.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(other), "a zombie has ended"
    living.wait()
    assert is_dead(other)


def test_a_pid_that_somebody_else_has_by_now_is_no_life() -> None:
    namespace, pid, start = ProcessIdentity.current().name.split()

    assert is_dead(ProcessIdentity.current()._replace(name=f"{namespace} {pid} {int(start) - 1}"))


def test_without_descriptors_the_living_are_alive_and_the_dead_are_dead(
    living: subprocess.Popen[bytes],
) -> None:
    here, other = ProcessIdentity.current(), identity(living.pid)
    with no_descriptor_left():
        assert not other.is_dead(here, on_local_disk=True)
        living.kill()
        living.wait()
        assert other.is_dead(here, on_local_disk=True)


def test_a_program_that_began_without_descriptors_takes_nobody_for_dead(
    living: subprocess.Popen[bytes],
) -> None:
    other = identity(living.pid)
    with no_descriptor_left():
        here = ProcessIdentity.current()

    assert not other.is_dead(here, on_local_disk=True)
    assert not here.is_dead(ProcessIdentity.current(), on_local_disk=True)
    assert not other._replace(machine=OTHER_BOOT).is_dead(here, on_local_disk=True)


@pytest.mark.parametrize("left", [["self/ns/pid", "self/ns/time"], []], ids=["hidden", "absent"])
def test_behind_a_proc_that_tells_nothing_nobody_is_dead(
    living: subprocess.Popen[bytes],
    left: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, other = ProcessIdentity.current(), identity(living.pid)
    for name in left:  # hidepid hides the folders of others, not one's own
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(os.readlink(f"/proc/{name}"))
    monkeypatch.setattr(liveness, "PROC", tmp_path)

    assert not other.is_dead(here, on_local_disk=True)
    assert not other.is_dead(ProcessIdentity.current(), on_local_disk=True)
    assert not ProcessIdentity.current().is_dead(ProcessIdentity.current(), on_local_disk=True)


def test_a_name_in_any_bytes_does_not_hide_the_start_of_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = b"S " + b" ".join(b"%d" % number for number in range(4, 23))
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(b"7 (\xff) Z (x) " + fields)
    monkeypatch.setattr(liveness, "PROC", tmp_path)

    assert liveness._start(7) == "22"


@pytest.mark.parametrize(
    ("namespaces", "on_local_disk", "dead"),
    [
        ((INITIAL, INITIAL), True, True),
        ((INITIAL, INITIAL), False, False),  # a virtual machine in a folder of its host
        ((INITIAL, "pid:[4026532500]"), True, False),  # a container with a boot id of its own
        (("pid:[4026532500]", INITIAL), True, False),
        (("pid:[4026532500]", "pid:[4026532500]"), True, False),
        (("unknown", "unknown"), True, False),
    ],
)
def test_another_boot_id_proves_a_reboot_only_where_nobody_makes_it_up(
    namespaces: tuple[str, str], on_local_disk: bool, dead: bool
) -> None:
    here = ProcessIdentity("a" * 36, f"{namespaces[0]} 7 100")
    other = ProcessIdentity(OTHER_BOOT, f"{namespaces[1]} 7 100")

    assert other.is_dead(here, on_local_disk) is dead


@pytest.mark.parametrize(
    "name",
    [
        "",
        "7",
        f"{INITIAL} 7",
        f"{INITIAL} 7 0",
        f"{INITIAL} -1 5",
        f"{INITIAL} {10**30} 5",
        "a b c d",
    ],
)
def test_what_is_no_name_of_ours_proves_nothing(name: str) -> None:
    here = ProcessIdentity.current()._replace(name=f"{INITIAL} 1 1")

    assert not here._replace(name=name).is_dead(here, on_local_disk=True)


def test_another_time_namespace_has_another_clock_and_other_start_times() -> None:
    here = ProcessIdentity.current()
    other = here._replace(machine=f"{here.machine} time:[4026532501]")

    assert not other.shares_clock(here)
    assert not other._replace(name=f"{here.name.split()[0]} {os.getpid()} 1").is_dead(here, True)
