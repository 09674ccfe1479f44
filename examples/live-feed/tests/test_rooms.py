import pytest

from runtime.testing import Refused


def said(socket):
    message = socket.receive_json()
    return message["name"], message.get("text") or message["does"]


def test_what_is_said_in_a_room_is_heard_there(app):
    with app.websocket("/api/stories/1/room?name=ann") as ann:
        assert said(ann) == ("ann", "came")
        with app.websocket("/api/stories/1/room?name=bob") as bob:
            assert said(ann) == said(bob) == ("bob", "came")

            bob.send({"text": "hello"})

            assert said(ann) == said(bob) == ("bob", "hello")
        assert said(ann) == ("bob", "left")


def test_other_rooms_hear_nothing_of_it(app):
    with app.websocket("/api/stories/1/room?name=ann") as ann:
        assert said(ann) == ("ann", "came")
        with app.websocket("/api/stories/2/room?name=bob") as bob:
            assert said(bob) == ("bob", "came")
            ann.send({"text": "hello"})
            bob.send({"text": "hi"})
            assert said(ann) == ("ann", "hello")
            assert said(bob) == ("bob", "hi")


@pytest.mark.parametrize(
    "room", ["one/room?name=ann", "1/room", "1/room?name=", f"1/room?name={'x' * 31}"]
)
def test_who_does_not_say_who_and_where_is_refused(app, room):
    with pytest.raises(Refused) as refused:
        app.websocket(f"/api/stories/{room}")
    assert refused.value.answer.status == 422


def test_pages_of_others_may_not_come_in(app):
    with pytest.raises(Refused) as refused:
        app.websocket("/api/stories/1/room?name=ann", headers={"Origin": "https://evil.example"})
    assert refused.value.answer.status == 403


@pytest.mark.parametrize(
    ("message", "code"), [({"text": ""}, 4422), ("hello", 4400), ({"text": "x" * 2048}, 1009)]
)
def test_what_cannot_be_said_ends_the_connection(app, message, code):
    with app.websocket("/api/stories/1/room?name=ann") as ann:
        ann.send(message)
        assert ann.closed().code == code
