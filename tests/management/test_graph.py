"""The graph: how work flows, through entries that are not shown."""

from __future__ import annotations

from runtime.engines.management.catalog import Catalog, EntryRecord, Reference
from runtime.engines.management.graph import LETTERS, by_namespace, daily, graph
from tests.support.night import CATALOG

NIGHT = graph(CATALOG)


def edges(how: str) -> set[tuple[str, str]]:
    return {
        (edge.source.removeprefix("app:"), edge.target.removeprefix("app:"))
        for edge in NIGHT.edges
        if edge.how == how
    }


def test_routers_functions_and_drivers_are_passed_through() -> None:
    assert edges("declared") >= {
        ("gateway", "create_task.endpoint"),
        ("gateway", "list_tasks.endpoint"),
        ("tasks_queue", "task_consumer"),
    }
    assert "app:router" not in NIGHT.nodes
    assert "app:process_task" not in NIGHT.nodes


def test_what_code_names_is_an_edge_of_who_calls_it() -> None:
    assert edges("code") == {
        ("create_task.endpoint", "tasks_queue"),
        ("list_tasks.endpoint", "db"),
        ("task_consumer", "db"),
        ("migrate-service", "db"),
    }


def test_a_queue_with_a_consumer_has_a_place_for_its_dead_letters() -> None:
    letters = f"{LETTERS}app:tasks_queue"
    assert ("task_consumer", letters) in edges("declared")


def test_words_of_a_node_are_those_of_its_kind() -> None:
    told = {id: (node.title, node.sub) for id, node in NIGHT.nodes.items()}

    assert told["app:create_task.endpoint"] == ("POST /tasks", "create_task")
    assert told["app:task_consumer"] == ("task_consumer", "process_task \u00d7 2")
    assert told["app:gateway"] == ("gateway", ":8080")


def test_what_only_prepares_is_left_out_of_the_daily_work() -> None:
    assert "app:migrate-service" in NIGHT.nodes
    assert "app:migrate-service" not in daily(NIGHT).nodes


def test_a_queue_of_another_entry_may_be_one_s_dead_letters() -> None:
    entries = (
        EntryRecord("a:tasks", "queue.queue", "", ""),
        EntryRecord("a:failed", "queue.queue", "", ""),
        EntryRecord("a:work", "queue.consumer", "", ""),
    )
    references = (
        Reference("a:work", "a:tasks", "queue"),
        Reference("a:tasks", "a:failed", "dead_letter.queue"),
    )
    found = graph(Catalog("", {each.id: each for each in entries}, references))

    assert {(edge.source, edge.target) for edge in found.edges} == {
        ("a:tasks", "a:work"),
        ("a:tasks", "a:failed"),
    }


def test_a_consumer_that_publishes_to_its_own_queue_is_drawn() -> None:
    entries = (
        EntryRecord("a:tasks", "queue.queue", "", ""),
        EntryRecord("a:work", "queue.consumer", "", ""),
        EntryRecord("a:f", "function.python", "", ""),
    )
    references = (
        Reference("a:work", "a:tasks", "queue"),
        Reference("a:work", "a:f", "func"),
        Reference("a:f", "a:tasks", "queue.publish", in_code=True),
    )
    found = graph(Catalog("", {each.id: each for each in entries}, references))

    assert ("a:tasks", "a:work") in {(edge.source, edge.target) for edge in found.edges}


def test_namespaces_stand_for_their_entries_until_one_is_opened() -> None:
    entries = [
        EntryRecord(f"{space}:{name}", kind, "", "")
        for space in ("shop", "mail")
        for name, kind in (("db", "db.sql.sqlite"), ("cron", "schedule.cron"))
    ]
    references = (
        Reference("shop:cron", "mail:db", "sql.get", in_code=True),
        Reference("mail:cron", "mail:db", "sql.get", in_code=True),
    )
    whole = graph(Catalog("", {each.id: each for each in entries}, references))

    closed = by_namespace(whole, None)
    assert {*closed.nodes} == {"shop", "mail"}
    assert [(edge.source, edge.target) for edge in closed.edges] == [("shop", "mail")]

    opened = by_namespace(whole, "mail")
    assert {*opened.nodes} == {"shop", "mail:db", "mail:cron"}
    assert {(edge.source, edge.target) for edge in opened.edges} == {
        ("shop", "mail:db"),
        ("mail:cron", "mail:db"),
    }
