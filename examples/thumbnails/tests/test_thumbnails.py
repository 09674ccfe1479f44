import io
import os

import pytest
from PIL import Image

from runtime.modules import queue


def test_a_picture_comes_back_in_three_sizes(app, upload, picture):
    answer = upload(picture)
    assert answer.status == 202
    id = answer.json()["picture"]

    app.drain()
    sizes = {}
    for size in (64, 256, 1024):
        thumbnail = app.get(f"/pictures/{id}/{size}")
        assert thumbnail.headers["Content-Type"] == "image/webp"
        sizes[size] = Image.open(io.BytesIO(thumbnail.body)).size
    assert sizes == {64: (48, 64), 256: (192, 256), 1024: (768, 1024)}


def test_the_answer_says_where_to_ask_for_the_result(app, upload, picture):
    with app.paused("scaling"):
        url = upload(picture).headers["Location"]
        assert app.get(url).json()["status"] == "queued"

    app.drain()
    status = app.get(url).json()
    assert status["status"] == "done"
    assert status["result"] == {"64": [48, 64], "256": [192, 256], "1024": [768, 1024]}
    assert app.get("/tasks/7").status == 404


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_what_is_no_picture_is_not_tried_again(app, upload, content):
    url = upload(content).headers["Location"]

    app.drain(failing=queue.Reject)
    status = app.get(url).json()
    assert (status["status"], status["attempt"]) == ("dead", 1)
    assert status["error"]["text"] == "this is no picture that can be read"


def test_a_picture_that_is_too_large_to_unpack_is_refused(app, upload):
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 100_000

    upload(bomb.getvalue())
    app.drain(failing=queue.Reject)
    (letter,) = app.dead("pictures")
    assert letter.error == "Reject: the picture is too large"


def test_there_is_nothing_before_it_is_made(app, upload, picture):
    with app.paused("scaling"):
        id = upload(picture).json()["picture"]
        assert app.get(f"/pictures/{id}/64").status == 404
    assert app.get(f"/pictures/{id}/65").status == 422
    assert app.get("/pictures/..%2F..%2Fetc%2Fpasswd/64").status in (404, 422)


def test_a_crash_loses_no_picture(app, upload, picture):
    with app.paused("scaling"):
        id = upload(picture).json()["picture"]
        app.crash(at="queue.settle.before_commit")

    app.restart().drain()
    assert app.get(f"/pictures/{id}/256").status == 200


def test_pictures_are_deleted_after_a_day(app, upload, picture, tmp_path):
    old, new = (upload(picture).json()["picture"] for _ in range(2))
    app.drain()
    os.utime(tmp_path / old, (0, 0))

    app.advance("1h")
    assert app.get(f"/pictures/{old}/64").status == 404
    assert app.get(f"/pictures/{new}/64").status == 200
