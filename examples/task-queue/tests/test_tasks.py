"""Tasks, from the request to the row, or to the dead letter."""

from pathlib import Path

from runtime.testing import running

TASK = {"id": "1", "action": "noop", "data": {}, "created_at": 0}


def test_a_task_becomes_a_row(app):
    answer = app.post("/tasks", json={"action": "uppercase", "data": {"text": "hola mundo"}})
    assert answer.status == 202

    app.drain("app:tasks_queue")
    rows = app.sql("app:db").query("SELECT status, result FROM tasks")
    assert rows == [{"status": "completed", "result": '{"output":"HOLA MUNDO"}'}]


def test_a_task_is_listed(app):
    id = app.post("/tasks", json={"action": "sum", "data": {"numbers": [1, 2, 3]}}).json()["id"]
    app.drain("app:tasks_queue")

    listed = app.get("/tasks", params={"status": "completed"}).json()
    assert [task["id"] for task in listed["tasks"]] == [id]


def test_a_number_that_is_text_ends_as_a_dead_letter(app):
    app.post("/tasks", json={"action": "sum", "data": {"numbers": [1, "2"]}})
    app.drain("app:tasks_queue", advance=True, failing=TypeError)  # eight minutes of retries

    (letter,) = app.dead("app:tasks_queue")
    assert (letter.reason, letter.place) == ("attempts", "process_task.py:21")


def test_the_queue_is_full(app):
    with app.paused("app:task_consumer"):
        app.publish("app:tasks_queue", *[TASK] * 1000)
        assert app.post("/tasks", json={"action": "noop"}).status == 500


def test_a_task_that_comes_twice_is_stored_once(app):
    assert app.call("app:process_task", TASK).status == "ack"
    assert app.call("app:process_task", TASK, attempt=2).status == "ack"
    assert app.sql("app:db").query_one("SELECT count(*) AS n FROM tasks") == {"n": 1}


def test_a_crash_loses_nothing():
    with running(Path(__file__).parents[1], durable=True) as app:
        app.post("/tasks", json={"action": "noop"})
        app.crash(at="queue.settle.before_commit")  # with the row written, and the message not done

        app.restart().drain("app:tasks_queue")
        assert app.sql("app:db").query_one("SELECT count(*) AS n FROM tasks") == {"n": 1}
