"""The pages of a queue's messages, and the form that publishes one."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from tests.support.blackbox import Reply, eventually
from tests.support.program import SOON
from tests.support.watched import CANARY, SCRIPT, Watched

pytestmark = pytest.mark.slow

PUBLISH = "/queues/app:tasks/publish"
DRAFT = {"body": "{}", "delay": "", "priority": "", "unique": "", "headers": ""}


@pytest.fixture(scope="module")
def shop(shop: Watched) -> Watched:
    """Signed in to, with a paused queue that holds sixty messages."""
    shop.sign_in()
    assert shop.send("/queues/app:tasks", "Pause").status == 303
    shop.publish({"note": CANARY}, *({} for _ in range(59)))
    eventually(lambda: shop.queue["ready"] == 60, SOON)
    return shop


def publish(shop: Watched, **fields: str) -> Reply:
    found = re.search(r'name="form_token" value="([^"]+)"', shop.page(PUBLISH))
    assert found is not None
    return shop.post(PUBLISH, {**DRAFT, "form_token": found[1], **fields})


def ids(page: str) -> list[str]:
    return re.findall(r'class="name mono" href="/queues/app:tasks/messages/([^"]+)"', page)


def test_a_queue_shows_its_first_messages_without_their_bodies(shop: Watched) -> None:
    page = shop.page("/queues/app:tasks")

    assert len(ids(page)) == 5
    assert CANARY not in page
    assert 'href="/queues/app:tasks/messages?state=ready">Ready<small>60</small></a>' in page


def test_messages_are_leafed_through(shop: Watched) -> None:
    first = shop.page("/queues/app:tasks/messages?state=ready")
    following = re.search(r'href="([^"]+)"><svg[^>]*><use[^>]*></svg><span>The next ones', first)
    assert following is not None
    second = shop.page(unescape(following[1]))

    assert len(ids(first)) == 50
    assert len({*ids(first), *ids(second)}) == 60
    assert "The next ones" not in second
    assert "From the beginning" in second


def test_a_message_is_found_by_its_id_without_script(shop: Watched) -> None:
    sought = ids(shop.page("/queues/app:tasks/messages?state=ready"))[7]
    page = shop.page(f"/queues/app:tasks/messages?state=ready&find={sought}")

    shown = re.findall(r"<tr data-find=\"[^\"]*\">", page)
    assert len(shown) == 1
    assert sought in shown[0]


def test_a_message_has_a_page_from_which_it_is_cancelled(shop: Watched) -> None:
    id = ids(shop.page("/queues/app:tasks"))[-1]
    address = f"/queues/app:tasks/messages/{id}"
    assert "queued</span>" in shop.page(address)

    assert shop.send(address, "Cancel").headers["Location"] == address
    shop.site.program.wait_for(f"message {id} is cancelled by management")
    assert id not in ids(shop.page("/queues/app:tasks"))


def test_who_may_not_act_is_told_so_in_place_of_a_payload(shop: Watched) -> None:
    id = ids(shop.page("/queues/app:tasks"))[0]
    address = f"/queues/app:tasks/messages/{id}/payload"

    assert CANARY in shop.page(address)
    shop.site.program.wait_for(f"the payload of message {id} was shown to 127.0.0.1")
    reply = shop.site.get(address, Accept="text/html")
    assert reply.status == 403
    assert "A payload is for those who may act: sign in to act." in reply.body.decode()
    assert f'href="{address}"' not in shop.site.get("/queues/app:tasks").body.decode()


def test_a_form_publishes_with_all_that_a_message_can_have(shop: Watched) -> None:
    reply = publish(
        shop, body='{"n": 1}', delay="1h", priority="7", unique="k", headers="tenant: acme\n\na:b"
    )
    assert reply.status == 303
    page = shop.page(reply.headers["Location"])
    id = reply.headers["Location"].partition("published=")[2]
    assert f">{id}</a>." in page

    row: Any = re.search(rf"<tr><td><a[^>]*{id}.*?</tr>", page, re.DOTALL)
    for told in ("delayed</span>", "due in ", "priority 7", "7 bytes", "a, tenant"):
        assert told in unescape(row[0]), told
    again = publish(shop, unique="k", delay="1h")
    assert again.headers["Location"].endswith(id)


@pytest.mark.parametrize(
    ("fields", "told", "field"),
    [
        ({"body": "{'a': 1}"}, "The body is not JSON: ", "body"),
        ({"body": "  "}, "The body is empty; null is the smallest message.", "body"),
        ({"body": "[]"}, "The body does not fit 'app:work': it must be an object.", ""),
        ({"priority": "high"}, "The priority is 'high', not a whole number.", "priority"),
        ({"headers": "tenant"}, "Line 1 of the headers is no 'name: value'.", "headers"),
        ({"delay": "soon"}, "soon", ""),
        ({"delay": SCRIPT}, "", ""),
        ({"priority": "1000000"}, "1000000", ""),
    ],
)
def test_what_is_wrong_with_a_form_is_told_beside_what_was_typed(
    shop: Watched, fields: dict[str, str], told: str, field: str
) -> None:
    reply = publish(shop, **fields)
    page = reply.body.decode()
    text = unescape(page)

    assert reply.status == 400
    (shown,) = re.findall(r'role="alert">.*?<span>(.*?)</span>', page, re.DOTALL)
    assert told in unescape(shown)
    for value in fields.values():
        assert value in text
    assert SCRIPT not in page
    if field:
        assert f'id="{field}"' in page.partition("aria-invalid")[0].rpartition("<")[2]


def test_only_a_form_of_ours_publishes(shop: Watched) -> None:
    assert shop.post(PUBLISH, {**DRAFT, "form_token": "wrong"}).status == 403
    assert "disabled" in shop.site.get(PUBLISH).body.decode().partition("Back to")[0]


def test_a_queue_that_is_not_there_is_told_in_words(shop: Watched) -> None:
    for page in ("messages", "publish", "messages/x", "messages/x/payload"):
        reply = shop.site.get(f"/queues/app:none/{page}", Accept="text/html")
        assert reply.status in (403, 404)
        assert "<h2>" in reply.body.decode()
