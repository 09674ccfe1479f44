"""The dashboard of a running application: what its pages show, and what their forms do."""

from __future__ import annotations

import gzip
import json
import re
import socket

import pytest

from runtime.engines.management.pages.assets import assets
from runtime.engines.management.pages.events import MOST
from tests.support.blackbox import eventually
from tests.support.program import SOON
from tests.support.watched import CANARY, PAGES, SCRIPT, Watched

pytestmark = pytest.mark.slow


def test_the_overview_says_what_is_the_matter(shop: Watched) -> None:
    page = eventually(lambda: (text := shop.page("/")) and "died" in text and text, SOON)

    assert "Everything runs. Three messages died in the last 15 minutes." in page
    assert "POST /tasks" in page
    assert "durable, in db" in page


def test_a_queue_shows_its_states_and_its_consumer(shop: Watched) -> None:
    page = shop.page("/queues/app:tasks")

    assert "app:work · concurrency 2" in page
    assert '<span data-live="dead app:tasks">3</span>' in page


def test_dead_letters_are_told_by_cause_with_the_line_that_failed(shop: Watched) -> None:
    page = shop.page("/dead")

    assert "2 causes" in page
    assert "tasks.py:11" in page
    assert "raise ValueError(task[&quot;fail&quot;])  # the line that fails" in page
    trace = re.search('href="(/traces/[^"]+)">all that happened to it', page)
    assert trace is not None
    assert "process app:tasks" in shop.page(trace[1])
    assert "no stock" in page
    assert re.search(r'href="(/traces/[^"]+)"', page), "the letter's trace"
    assert page.count('class="hit"') == 1


def test_no_line_is_marked_as_the_one_that_failed_if_it_is_another_now(shop: Watched) -> None:
    file = shop.site.folder / "tasks.py"
    text = file.read_text()
    file.write_text(f"# moved down\n{text}")
    page = shop.page("/dead")
    file.write_text(text)

    assert "The file has changed since: line 11 was" in page
    assert 'class="hit"' not in page


def test_an_entry_shows_its_lines_and_what_refers_to_it(shop: Watched) -> None:
    page = shop.page("/entries/app:tasks")

    assert "max_attempts: 1" in page
    assert "_index.yaml:" in page
    for name in ("app:work", "app:create", "app:nightly"):
        assert f">{name}</a>" in page


def test_schedules_tell_their_next_times(shop: Watched) -> None:
    page = shop.page("/schedules")

    assert "30 2 * * 1-5 Europe/Berlin" in page
    assert "then " in page


@pytest.mark.parametrize("path", [*PAGES, "/entries/app:token"])
def test_no_page_shows_a_secret_or_runs_what_was_stored(shop: Watched, path: str) -> None:
    page = shop.page(path)

    assert CANARY not in page
    assert SCRIPT not in page
    assert "<script>" not in page
    assert "style=" not in page


def test_a_payload_is_shown_only_to_those_who_may_act_and_told_in_the_log(shop: Watched) -> None:
    shop.sign_in()
    address = shop.payload
    assert shop.site.get(address).status == 403
    assert "&quot;fail&quot;" in shop.page(address) or "&quot;reject&quot;" in shop.page(address)
    assert shop.site.program.wait_for("was shown")["entry"] == "app:tasks"


def test_without_the_right_buttons_say_what_to_set(shop: Watched) -> None:
    page = shop.site.get("/queues/app:tasks").body.decode()

    assert "disabled" in page
    assert "Read-only: sign in to act" in page
    assert "form_token" not in page


def test_a_form_drops_the_letters_of_a_cause(shop: Watched) -> None:
    shop.sign_in()
    reply = shop.send("/dead", "Drop")

    assert reply.status == 303
    assert reply.headers["Location"] == "/dead"
    eventually(lambda: shop.dead() < 3, SOON)


def test_letters_of_a_cause_are_requeued_with_a_rate_and_its_progress(shop: Watched) -> None:
    shop.sign_in()
    shop.publish(*({"fail": "for the rate"} for _ in range(3)))

    def together() -> int:
        """The letters of the cause, with those of other tests, once all three have died."""
        causes = json.loads(shop.page("/api/dead"))["causes"]
        errors = [[letter["error"] for letter in each["letters"]] for each in causes]
        ours = "ValueError: for the rate"
        return next((len(each) for each in errors if each.count(ours) == 3), 0)

    eventually(together, SOON)
    progress = f"1 of {together()} delivered again · 1/h · about "
    assert shop.send("/dead", "Requeue", rate="1/h").headers["Location"] == "/dead"
    assert progress in shop.page("/dead")
    assert next(shop.told("/events", "live"))["requeue app:tasks"].startswith(progress)

    assert shop.send("/dead", "Stop").status == 303
    eventually(lambda: "stopped</span>" in shop.page("/dead"), SOON)
    told = json.loads(shop.page("/api/dead"))["requeues"]
    assert [(each["state"], each["done"]) for each in told] == [("stopped", 1)]


def test_a_schedule_is_fired_by_hand(shop: Watched) -> None:
    shop.sign_in()
    assert shop.send("/schedules", "Fire").status == 303
    shop.site.program.wait_for("app:nightly: fired by hand")


def test_a_form_of_another_page_does_nothing(shop: Watched) -> None:
    shop.sign_in()
    fields = {"operation": "dead.drop", "queue": "app:tasks", "cause": "x", "form_token": "wrong"}
    assert shop.post("/act", fields).status == 403


def test_what_is_not_there_is_told_in_words(shop: Watched) -> None:
    reply = shop.site.get("/queues/app:other", Accept="text/html")

    assert reply.status == 404
    assert "There is no queue &#x27;app:other&#x27;." in reply.body.decode()


def test_assets_never_change_under_their_name(shop: Watched) -> None:
    for asset in assets().values():
        reply = shop.site.get(asset.address)
        assert reply.status == 200
        assert reply.body == asset.data
        assert "immutable" in reply.headers["Cache-Control"]


def test_the_first_load_is_small(shop: Watched) -> None:
    sizes = {name: len(gzip.compress(each.data, 9)) for name, each in assets().items()}
    whole = sum(sizes.values()) + len(gzip.compress(shop.page("/").encode(), 9))

    assert sizes["dashboard.css"] <= 6200
    assert sizes["dashboard.js"] <= 2500
    assert whole <= 25_000


def test_the_stream_tells_what_changed(shop: Watched) -> None:
    assert next(shop.told("/events", "reload"))["generation"] == 1
    assert {"verdict", "dead app:tasks"} <= {*next(shop.told("/events", "live"))}


def test_streams_that_are_opened_at_once_leave_connections_for_others(shop: Watched) -> None:
    clients = [socket.create_connection(("127.0.0.1", shop.site.port), SOON) for _ in range(40)]
    try:
        for each in clients:
            each.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        states = [each.makefile("rb").readline().split()[1] for each in clients]
        assert states.count(b"200") <= MOST
        assert states.count(b"503") >= len(clients) - MOST
        assert shop.site.get("/livez").status == 200
    finally:
        for each in clients:
            each.close()


def test_a_service_tells_its_last_lines_and_the_log_those_of_all(shop: Watched) -> None:
    page = shop.page("/services/app:work")
    assert "gave up on a message of app:tasks" in page
    assert "gateway" not in page.partition("What it says")[2]
    assert "is running on" in shop.page("/log")
    grave = shop.page("/log?level=error")
    assert "gave up on a message" in grave
    assert "is running on" not in grave
    assert shop.site.get("/log?level=loud").status == 400


def test_the_stream_tells_the_lines_that_follow_those_of_the_page(shop: Watched) -> None:
    (newest,) = json.loads(shop.page("/api/logs?limit=1"))["lines"]
    asked = f"/events?log={newest['number']}&entry=app:work"
    shop.publish({"fail": SCRIPT})
    line = next(shop.told(asked, "log"))

    assert "gave up on a message" in line
    assert SCRIPT not in line


def test_a_service_is_restarted_by_hand(shop: Watched) -> None:
    shop.sign_in()
    before = shop.site.service("app:work")["since"]
    assert shop.send("/services/app:work", "Restart").status == 303

    shop.site.program.wait_for("app:work is restarted by management")
    eventually(lambda: shop.site.service("app:work")["since"] != before, SOON)
    eventually(lambda: shop.site.service("app:work")["state"] == "running", SOON)


def test_the_work_of_each_worker_is_drawn(shop: Watched) -> None:
    shop.publish(*({"seconds": 0.01} for _ in range(8)))
    page = eventually(
        lambda: (text := shop.page("/queues/app:tasks")) and 'class="ok"' in text and text, SOON
    )

    assert page.count("<span>worker ") == 2


def test_a_queue_is_paused_and_resumed_by_hand(shop: Watched) -> None:
    shop.sign_in()
    assert shop.send("/queues/app:tasks", "Pause").status == 303
    eventually(lambda: "app:tasks is paused" in shop.page("/"), SOON)
    shop.publish({}, {})
    eventually(lambda: shop.queue["ready"] >= 2, SOON)  # with what others left

    assert shop.send("/queues/app:tasks", "Resume").status == 303
    eventually(lambda: shop.queue["ready"] == 0 and not shop.queue["paused"], SOON)


def test_a_refused_reload_is_told_until_one_is_done(shop: Watched) -> None:
    shop.sign_in()
    manifest = shop.site.folder / "_index.yaml"
    good = manifest.read_text()
    manifest.write_text(good.replace("queue: tasks\n    func", "queue: task\n    func"))
    reply = shop.send("/entries", "Reload")
    assert reply.status == 409
    assert "No entry &#x27;app:task&#x27;" in reply.body.decode().replace("no entry", "No entry")
    eventually(lambda: "The last reload was refused for one finding" in shop.page("/"), SOON)

    manifest.write_text(good)
    assert shop.send("/entries", "Reload").status == 303
    eventually(lambda: "was refused" not in shop.page("/"), SOON)


def test_the_graph_and_the_letters_are_told_as_json(shop: Watched) -> None:
    graph = json.loads(shop.page("/api/graph"))
    edges = {(each["source"], each["target"]): each for each in graph["edges"]}
    assert edges["app:create", "app:tasks"]["how"] == "code"
    assert edges["app:tasks", "app:work"]["rate"] >= 0

    shop.publish({"fail": "once more"})

    def cause() -> bool:
        (newest, *_) = json.loads(shop.page("/api/dead?queue=app:tasks"))["causes"]
        return bool(newest["cause"] == "ValueError@tasks.py:11" and newest["letters"][0]["size"])

    eventually(cause, SOON)
