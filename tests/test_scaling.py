"""The page about scaling: what it runs is what it shows, and two machines are two machines."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.blackbox import ROOT, eventually
from tests.support.doc_examples import Step, steps
from tests.support.doc_serving import Launch
from tests.support.hosts import Host, Network
from tests.support.postgres_server import PostgresServer
from tests.support.program import running

PAGE = ROOT / "docs" / "scaling.md"


def served() -> list[Step]:
    return [step for step in steps(PAGE) if step.action == "serve"]


def test_the_commands_that_are_tried_stand_on_the_page() -> None:
    shown = PAGE.read_text("utf-8")
    for step in served():
        for command in step.argument.split(" | "):
            assert f"$ runtime run {command}\n" in shown


def ask(host: Host, method: str, body: str | None = None) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(host.address, 8080, timeout=10)) as connection:
        connection.request(method, "/orders", body)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.slow
def test_the_commands_for_two_machines_work_on_two_machines(
    network: Network, postgres_host: PostgresServer, tmp_path: Path
) -> None:
    for step in steps(PAGE):
        if step.action == "file":
            (tmp_path / step.argument).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / step.argument).write_text(step.text, encoding="utf-8")
    (step,) = [step for step in served() if "DATABASE_URL" in step.argument]
    answers, works = map(Launch.parse, step.argument.split(" | "))
    env = {"DATABASE_URL": f"{postgres_host.url}?sslmode=disable"}
    here, there = network.host(), network.host()
    with (
        running(tmp_path / "shop", *answers.options, env=env, inside=[*here.within]),
        running(tmp_path / "shop", *works.options, env=env, inside=[*there.within]) as worker,
    ):
        assert ask(here, "POST", '{"id": 7}') == (202, b"")
        eventually(lambda: ask(here, "GET") == (200, b'[{"id":7}]'), within=20)
        assert worker.stop() == 0
