"""Greetings, from the request to the log."""


def test_a_greeting_is_said(app):
    answer = app.post("/greetings", json={"name": "world"})
    assert answer.status == 202

    app.drain("greetings")
    (line,) = app.logs("say")
    assert (line.message, line.fields["name"]) == ("hello", "world")


def test_a_greeting_needs_a_name(app):
    assert app.post("/greetings", json={}).status == 400
    assert app.published("greetings") == []
