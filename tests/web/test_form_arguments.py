"""Typed handlers that a form is sent to: fields and files."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from runtime.modules import http
from runtime.modules.sync import http as sync_http
from runtime.service import StartError
from tests.support.typed import Served


class Login(msgspec.Struct):
    user: str
    attempts: int = 0
    tags: list[int] = []


FILE = {"file": ("notes.txt", b"hello")}


async def upload(
    title: Annotated[str, http.Form], file: http.UploadFile, pages: Annotated[int, http.Form] = 1
) -> Any:
    return [title, file.filename, (await file.read()).decode(), pages]


def test_fields_and_files_are_given_by_name() -> None:
    assert Served(upload)(data={"title": "a", "pages": "3"}, files=FILE).json() == [
        "a",
        "notes.txt",
        "hello",
        3,
    ]


def test_all_faults_of_a_form_are_told() -> None:
    served = Served(upload)
    assert served.errors(data={"pages": "x"}) == [
        ("form", "title", "is missing"),
        ("form", "pages", "must be an integer"),
        ("form", "file", "is missing"),
    ]
    assert served.errors(data={"file": "text"}, files={"title": ("a", b"a")}) == [
        ("form", "title", "must be text, not a file"),
        ("form", "file", "must be a file"),
    ]


def test_a_file_that_a_browser_sends_empty_is_missing() -> None:
    served = Served(upload)
    assert served.errors(data={"title": "a"}, files={"file": ("", b"")})[-1] == (
        "form",
        "file",
        "is missing",
    )


def test_a_record_is_the_whole_form() -> None:
    async def login(form: Annotated[Login, http.Form]) -> Any:
        return form

    served = Served(login)
    assert served(data={"user": "ann", "attempts": "2", "tags": ["1", "2"]}).json() == {
        "user": "ann",
        "attempts": 2,
        "tags": [1, 2],
    }
    assert served.errors(data={"attempts": "x", "tags": ["1", "z"]}) == [
        ("form", "user", "is missing"),
        ("form", "attempts", "must be an integer"),
        ("form", "tags", "item 2 must be an integer"),
    ]


def test_another_content_type_is_415_and_a_form_that_is_cut_off_400() -> None:
    served = Served(upload)
    assert served(json={}).status_code == 415
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert served(content=b"--x\r\n", headers=kind).status_code == 400


def test_the_contents_of_files_may_be_asked_for() -> None:
    async def handler(
        data: Annotated[bytes, http.File],
        text: Annotated[str, http.File],
        files: list[http.UploadFile],
        none: http.UploadFile | None = None,
    ) -> Any:
        return [data.decode(), text, [each.filename for each in files], none]

    sent = [
        ("data", ("a", b"1")),
        ("text", ("b", "ä".encode())),
        ("files", ("c", b"3")),
        ("files", ("d", b"4")),
    ]
    served = Served(handler)
    assert served(files=sent).json() == ["1", "ä", ["c", "d"], None]
    assert served.errors(files=[*sent[:1], ("text", ("b", b"\xff")), *sent[2:]]) == [
        ("form", "text", "must be text in UTF-8")
    ]


def test_a_plain_def_reads_files_without_await() -> None:
    def handler(file: sync_http.UploadFile, title: Annotated[str, sync_http.Form] = "-") -> Any:
        return [file.read().decode(), title]

    assert Served(handler)(files=FILE).json() == ["hello", "-"]


def test_a_file_of_another_type_is_refused_when_the_handler_is_loaded() -> None:
    async def handler(file: Annotated[int, http.File]) -> Any: ...

    with pytest.raises(StartError, match=r"the parameter 'file' is a file; write http\.UploadFile"):
        Served(handler)
