from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

SHOPPING = {"title": "Shopping", "text": "milk, two lemons"}


def test_a_note_is_written_read_changed_and_deleted(ada):
    written = ada.post("/api/notes", json=SHOPPING)
    assert written.status == 201
    url = written.headers["Location"]

    assert ada.get(url).json() == written.json()
    changed = ada.put(url, json={"title": "Shopping", "text": "milk"}).json()
    assert (changed["text"], changed["version"]) == ("milk", 2)

    assert ada.delete(url).status == 204
    assert ada.get(url).status == 404
    assert ada.put(url, json=SHOPPING).status == 404
    assert ada.delete(url).status == 404


def test_notes_are_found_by_their_text_the_last_changed_first(ada):
    for title in ("One", "Two", "Three"):
        ada.post("/api/notes", json={"title": title})

    def titles(**query):
        return [note["title"] for note in ada.get("/api/notes", params=query).json()]

    assert titles() == ["Three", "Two", "One"]
    assert titles(text="T") == ["Three", "Two"]
    assert titles(limit=1) == ["Three"]


def test_nobody_reads_the_notes_of_others(ada, log_in):
    url = ada.post("/api/notes", json=SHOPPING).headers["Location"]
    eve = log_in("eve")

    assert eve.get("/api/notes").json() == []
    assert eve.get(url).status == 404
    assert eve.put(url, json=SHOPPING).status == 404
    assert eve.delete(url).status == 404


def test_nobody_overwrites_what_has_changed_meanwhile(ada):
    url = ada.post("/api/notes", json=SHOPPING).headers["Location"]
    seen = {"If-Match": ada.get(url).headers["ETag"]}

    assert ada.put(url, json={"title": "Mine"}, headers=seen).status == 200
    assert ada.put(url, json={"title": "Yours"}, headers=seen).status == 412
    assert ada.get(url).json()["title"] == "Mine"


def test_all_mistakes_are_told_at_once(ada):
    answer = ada.post("/api/notes", json={"title": "", "remind_at": "tomorrow", "txt": "milk"})

    assert answer.status == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/title",
        "#/remind_at",
        "#/txt",
    }
    assert ada.get("/api/notes?limit=0").status == 422
    assert ada.get("/api/notes/7").status == 422


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic YWRhOmFkYQ=="])
def test_without_a_token_there_is_nothing(app, token):
    headers = {"Authorization": token} if token else {}

    assert app.get("/api/notes", headers=headers).status == 401
    assert app.delete(f"/api/notes/{uuid4()}", headers=headers).status == 401


def test_a_name_belongs_to_whoever_took_it_first(app, ada):
    user = {"name": "ada", "password": "wrong horse"}

    assert app.post("/api/users", json=user).status == 409
    assert app.post("/api/login", json=user).status == 401
    assert app.post("/api/login", json={**user, "name": "nobody"}).status == 401


def test_a_note_reminds_at_its_time(app, ada):
    note = {**SHOPPING, "remind_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    url = ada.post("/api/notes", json=note).headers["Location"]

    app.advance("59m")
    assert ada.get(url).json()["reminded_at"] is None
    app.advance("2m")
    assert ada.get(url).json()["reminded_at"] is not None


def test_a_note_whose_time_has_passed_reminds_at_once_and_once(app, ada):
    note = {**SHOPPING, "remind_at": "2020-01-01T00:00:00Z"}
    url = ada.post("/api/notes", json=note).headers["Location"]
    app.drain("app:reminders")
    reminded_at = ada.get(url).json()["reminded_at"]
    assert reminded_at is not None

    assert ada.put(url, json={**note, "text": "milk"}).json()["reminded_at"] == reminded_at
    assert app.published("app:reminders") == [{"note": url.rpartition("/")[2], "version": 1}]


def test_a_note_that_was_changed_reminds_at_its_new_time_only(app, ada):
    soon, later = ((datetime.now(UTC) + timedelta(hours=n)).isoformat() for n in (1, 3))
    url = ada.post("/api/notes", json={**SHOPPING, "remind_at": soon}).headers["Location"]
    ada.put(url, json={**SHOPPING, "remind_at": later})

    app.advance("2h")
    assert ada.get(url).json()["reminded_at"] is None
    app.advance("2h")
    assert ada.get(url).json()["reminded_at"] is not None


def test_a_reminder_that_is_too_far_away_writes_nothing(ada):
    assert (
        ada.post("/api/notes", json={"title": "1", "remind_at": "2999-01-01T00:00Z"}).status == 422
    )
    assert ada.get("/api/notes").json() == []


def test_the_pages_are_served(app):
    assert "<title>Notes</title>" in app.get("/").text
    assert app.get("/app.js").status == 200


@pytest.mark.parametrize("field", ["title", "text"])
def test_a_note_has_nothing_that_a_database_does_not_take(ada, field):
    assert ada.post("/api/notes", json={**SHOPPING, field: "a\0b"}).status == 422
    assert ada.get("/api/notes", params={"text": "\0"}).status == 422
    before_all = {**SHOPPING, "remind_at": "0001-01-01T00:00+14:00"}
    assert ada.post("/api/notes", json=before_all).status == 422


def test_a_name_does_not_end_with_a_line_break(app):
    user = {"name": "ada\n", "password": "correct horse"}
    assert app.post("/api/users", json=user).status == 422
