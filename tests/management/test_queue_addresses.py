"""Queues, their messages and entries as JSON, and the actions on them, each by an address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.blackbox import eventually
from tests.support.program import SOON
from tests.support.watched import CANARY, TOKEN, Watched

pytestmark = pytest.mark.slow

TASKS = "/api/queues/app:tasks"


@pytest.fixture(scope="module")
def shop(shop: Watched) -> Watched:
    """With a queue that is paused, holds three messages, and has three dead letters."""
    assert act(shop, f"{TASKS}:pause").status == 200
    shop.publish({"note": CANARY}, {}, {})
    eventually(lambda: shop.queue["ready"] == 3, SOON)
    return shop


def act(shop: Watched, address: str, **arguments: Any) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    return shop.site.ask("POST", address, json.dumps(arguments), headers)


def get(shop: Watched, address: str) -> Any:
    reply = shop.site.get(address)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def test_queues_are_told_as_in_the_status(shop: Watched) -> None:
    (listed,) = get(shop, "/api/queues")["queues"]

    assert listed["id"] == get(shop, TASKS)["id"] == "app:tasks"
    assert listed["paused"] is get(shop, TASKS)["paused"] is True
    assert (listed["ready"], listed["dead"]) == (3, 3)
    assert shop.site.get("/api/queues/app:other").status == 404


def test_messages_are_listed_page_by_page_without_their_bodies(shop: Watched) -> None:
    first = get(shop, f"{TASKS}/messages?limit=2")
    second = get(shop, f"{TASKS}/messages?limit=2&after={first['next']}")

    ids = [each["id"] for each in first["messages"] + second["messages"]]
    assert len({*ids}) == 3
    assert second["next"] is None
    (newest,) = second["messages"]
    assert newest["headers"] == ["tenant", "traceparent"] or newest["headers"] == ["tenant"]
    assert (newest["state"], newest["size"]) == ("ready", 2)
    assert CANARY not in json.dumps(first)
    assert get(shop, f"{TASKS}/messages?state=delayed") == {"messages": [], "next": None}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit=0", "'limit' is '0', not a number from 1 to 200"),
        ("limit=201", "'limit' is '201', not a number from 1 to 200"),
        ("limit=x", "'limit' is 'x', not a number from 1 to 200"),
        ("state=gone", "'state' is 'gone', not one of ready, delayed, running"),
    ],
)
def test_a_page_that_cannot_be_is_refused_in_words(shop: Watched, query: str, why: str) -> None:
    reply = shop.site.get(f"{TASKS}/messages?{query}")

    assert reply.status == 400
    assert json.loads(reply.body)["detail"] == why


def test_a_message_tells_what_has_become_of_it_and_its_body_only_to_those_who_may_act(
    shop: Watched,
) -> None:
    (first,) = get(shop, f"{TASKS}/messages?limit=1")["messages"]
    address = f"{TASKS}/messages/{first['id']}"
    told = get(shop, address)

    assert told["status"] == "queued"
    assert "result" not in told
    assert CANARY not in json.dumps(told)
    assert shop.site.get(f"{address}/payload").status == 403
    reply = shop.site.get(f"{address}/payload", Authorization=f"Bearer {TOKEN}")
    assert CANARY in json.loads(reply.body)["text"]
    line = shop.site.program.wait_for(lambda line: f"{first['id']} was shown" in line["message"])
    assert "127.0.0.1" in line["message"]
    assert shop.site.get(f"{TASKS}/messages/none").status == 404


def test_the_body_of_a_dead_letter_is_told_at_the_same_address(shop: Watched) -> None:
    letter = get(shop, "/api/dead?queue=app:tasks")["causes"][0]["letters"][0]
    address = f"{TASKS}/messages/{letter['id']}/payload"
    reply = shop.site.get(address, Authorization=f"Bearer {TOKEN}")

    assert json.loads(reply.body)["size"] == letter["size"]


def test_entries_are_told_with_their_lines_and_references(shop: Watched) -> None:
    listed = {each["id"]: each for each in get(shop, "/api/entries")["entries"]}
    tasks = get(shop, "/api/entries/app:tasks")

    assert listed["app:work"]["kind"] == "queue.consumer"
    assert tasks["where"] == listed["app:tasks"]["where"]
    assert "max_attempts: 1" in tasks["text"]
    assert {each["source"] for each in tasks["needed_by"]} >= {"app:work", "app:nightly"}
    assert tasks["needs"][0]["target"] == "app:driver"
    assert shop.site.get("/api/entries/app:none").status == 404
    assert CANARY not in json.dumps([get(shop, f"/api/entries/{id}") for id in listed])


def test_the_last_lines_of_the_log_are_told_by_entry_and_level(shop: Watched) -> None:
    grave = get(shop, "/api/logs?entry=app:work&level=error")["lines"]
    assert "gave up on a message" in grave[0]["message"]
    assert grave[0]["number"] > grave[-1]["number"]
    assert {each["entry"] for each in grave} == {"app:work"}

    every = get(shop, "/api/logs?limit=1000")["lines"]
    assert CANARY not in json.dumps(every)
    assert get(shop, f"/api/logs?after={every[1]['number']}&limit=1")["lines"][0]["number"] > 1
    for query in ("level=loud", "limit=0", "after=x"):
        assert shop.site.get(f"/api/logs?{query}").status == 400


def test_each_action_has_an_address(shop: Watched) -> None:
    published = act(shop, f"{TASKS}:publish", body={"later": True}, delay="1h", priority=2)
    id = json.loads(published.body)["result"]
    (delayed,) = get(shop, f"{TASKS}/messages?state=delayed")["messages"]
    assert (delayed["id"], delayed["priority"]) == (id, 2)

    purged = act(shop, f"{TASKS}:purge", state="delayed")
    assert json.loads(purged.body)["result"] == 1
    letter = get(shop, "/api/dead?queue=app:tasks")["causes"][0]["letters"][0]["id"]
    requeued = act(shop, "/api/dead/app:tasks:requeue", ids=[letter])
    assert json.loads(requeued.body)["result"]["done"] == 1
    assert act(shop, "/api/cron/app:nightly:fire").status == 200
    shop.site.program.wait_for("app:nightly: fired by hand")
    assert act(shop, "/api/services/app:work:restart").status == 200
    shop.site.program.wait_for("app:work is restarted by management")


def test_an_action_that_is_none_or_lacks_something_is_refused_in_words(shop: Watched) -> None:
    unknown = act(shop, f"{TASKS}:pauze")
    assert unknown.status == 404
    assert "did you mean 'pause'" in json.loads(unknown.body)["detail"]

    lacking = act(shop, f"{TASKS}:publish")
    assert lacking.status == 400
    assert json.loads(lacking.body)["detail"] == "'queue.publish' needs an argument 'body'"
    assert shop.site.ask("POST", f"{TASKS}:pause", "{}").status == 403
