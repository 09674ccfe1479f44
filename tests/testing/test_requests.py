"""Requests of a test: over real connections, with what users of other test clients expect."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from runtime.testing import running
from tests.testing.application import endpoint, write

ECHO = """
    from runtime.modules import http

    async def echo(request):
        return {
            "method": request.method,
            "query": dict(request.query_params),
            "body": (await request.body()).decode(),
            "type": request.headers.get("content-type"),
            "token": request.headers.get("x-token"),
        }

    async def form(request):
        async with request.form() as form:
            file = form["file"]
            text = (await file.read()).decode()
            return {"name": form["name"], "file": file.filename, "text": text}

    async def login(request):
        http.response().set_cookie("session", "s3cret", path="/", secure=True)

    async def logout(request):
        http.response().set_cookie("session", "", max_age=0)

    async def me(request):
        return request.cookies

    async def fail(request):
        raise ValueError("no bread")

    async def work(body):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ("echo", "form", "login", "logout", "fail")
    return write(tmp_path, ECHO, *map(endpoint, names), endpoint("me", "GET"))


def test_a_value_is_sent_as_json_and_the_answer_is_read_as_json(folder: Path) -> None:
    with running(folder) as app:
        answer = app.post(
            "/echo", json={"é": [1]}, params={"a": 1, "b": [2]}, headers={"x-token": "t"}
        )

        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "method": "POST",
            "query": {"a": "1", "b": "2"},
            "body": '{"é":[1]}',
            "type": "application/json",
            "token": "t",
        }
        assert answer.text.startswith('{"method":"POST"')


def test_a_mapping_is_sent_as_a_form_and_text_as_it_is(folder: Path) -> None:
    with running(folder) as app:
        form = app.post("/echo", data={"a": "1 2", "b": ["x", "y"]}).json()
        text = app.post("/echo?q=1", data="plain").json()

    assert (form["type"], form["body"]) == ("application/x-www-form-urlencoded", "a=1+2&b=x&b=y")
    assert (text["type"], text["body"], text["query"]) == (None, "plain", {"q": "1"})


def test_files_are_sent_with_the_fields_of_their_form(folder: Path) -> None:
    with running(folder) as app:
        answer = app.post(
            "/form", data={"name": "n"}, files={"file": ("a.txt", "über", "text/plain")}
        )

        assert answer.json() == {"name": "n", "file": "a.txt", "text": "über"}


def test_cookies_are_kept_until_the_server_takes_them_back_and_a_session_has_its_own(
    folder: Path,
) -> None:
    with running(folder) as app:
        app.post("/login")
        other = app.session()

        assert app.get("/me").json() == {"session": "s3cret"}
        assert other.get("/me").json() == {}

        app.post("/logout")
        assert app.get("/me").json() == {}


def test_an_error_of_an_endpoint_is_answered_with_500_and_kept(folder: Path) -> None:
    with running(folder) as app:
        assert app.post("/fail").status == 500
        (line,) = app.logs("fail")

    assert "ValueError: no bread" in line.text
    assert "handlers.py" in line.text


def test_of_several_servers_the_one_that_is_named_is_asked(tmp_path: Path) -> None:
    second = """
  - {name: admin, kind: http.service, addr: ":8081", lifecycle: {auto_start: true}}
  - {name: pages, kind: http.router, meta: {server: admin}}
"""
    write(tmp_path, ECHO, second, endpoint("me", "GET"))
    with running(tmp_path) as app:
        assert app.get("/me", server="app:gateway").status == 200
        assert app.get("/me", server="admin").status == 404
        with pytest.raises(LookupError, match="app:gateway, app:admin"):
            app.get("/me")
        with pytest.raises(LookupError, match="'app:me' is no server"):
            app.get("/me", server="me")


def test_another_client_is_given_the_address_of_a_path(folder: Path) -> None:
    with running(folder) as app, urlopen(app.url("/me?a=1")) as answer:
        assert answer.status == 200


def test_a_request_that_is_not_answered_says_where_its_handler_is(tmp_path: Path) -> None:
    handlers = """
        import asyncio

        async def hang(request):
            await asyncio.Event().wait()

        async def work(body):
            pass
    """
    write(tmp_path, handlers, endpoint("hang"))
    with running(tmp_path) as app, pytest.raises(TimeoutError) as caught:
        app.post("/hang", limit=0.2)

    assert "POST /hang was not answered within 0.2 s" in str(caught.value)
    assert "app:hang has had POST /hang" in str(caught.value)
    assert "handlers.py:5 (hang)" in str(caught.value)


@pytest.mark.parametrize("options", [{"data": "x"}, {"files": {}}])
def test_json_and_another_body_are_refused_together(folder: Path, options: dict[str, str]) -> None:
    with running(folder) as app, pytest.raises(TypeError, match="'json'"):
        app.post("/echo", json=1, **options)
