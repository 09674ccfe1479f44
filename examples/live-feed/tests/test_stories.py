def publish(app, title):
    answer = app.post("/api/stories", json={"title": title})
    assert answer.status == 201
    return answer.json()["id"]


def test_a_reader_gets_what_there_is_and_then_what_comes(app):
    publish(app, "Tea is ready")
    with app.stream("/api/stories") as stories:
        assert stories.next().json()["title"] == "Tea is ready"

        id = publish(app, "So is the cake")

        story = stories.next()
        assert (story.event, story.id) == ("story", str(id))
        assert story.json()["title"] == "So is the cake"


def test_a_reader_who_returns_has_missed_nothing(app):
    first, second = publish(app, "one"), publish(app, "two")
    with app.stream("/api/stories", headers={"Last-Event-ID": str(first)}) as stories:
        assert stories.next().id == str(second)


def test_a_new_reader_gets_the_latest_fifty(app):
    ids = [publish(app, f"story {n}") for n in range(60)]
    with app.stream("/api/stories") as stories:
        assert [stories.next().id for _ in range(50)] == [str(id) for id in ids[-50:]]


def test_a_story_needs_a_title(app):
    assert app.post("/api/stories", json={"title": ""}).status == 422
