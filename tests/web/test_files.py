from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runtime.engines.web.files import Files
from runtime.service import StartError
from tests.support.serving import Answer, route, run, served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    public = tmp_path / "public"
    (public / "sub").mkdir(parents=True)
    (public / "empty").mkdir()
    (public / ".well-known").mkdir()
    (public / "index.html").write_text("home")
    (public / "sub" / "index.html").write_text("sub home")
    (public / "app.js").write_text("0123456789")
    (public / "a b é.txt").write_text("odd name")
    (public / ".env").write_text("SECRET")
    (public / ".well-known" / "security.txt").write_text("contact")
    (public / "inside.js").symlink_to(public / "app.js")
    (public / "env").symlink_to(public / ".env")
    (public / ".git").mkdir()
    (public / ".git" / "config").write_text("SECRET")
    (public / "git").symlink_to(public / ".git")
    (public / "again").symlink_to(public / "env")
    (public / "..2026_01_02").mkdir()
    (public / "..2026_01_02" / "mounted.txt").write_text("mounted")
    (public / "..2026_01_02" / ".env").write_text("SECRET")
    (public / "..data").symlink_to("..2026_01_02")
    (public / "mounted.txt").symlink_to("..data/mounted.txt")
    (public / "mounted-env").symlink_to("..data/.env")
    (tmp_path / "secret.txt").write_text("SECRET")
    (public / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (public / "outside").symlink_to(tmp_path)
    (public / "loop").symlink_to(public / "loop")
    os.mkfifo(public / "pipe")
    return public


def asked(
    folder: Path, *requests: tuple[str, ...], path: str = "/", **options: Any
) -> list[Answer]:
    """What clients get from a folder; a request is a path and headers."""

    async def main() -> list[Answer]:
        files = Files(folder, **options)
        files.check()
        async with served(files.routes(path, "app:files")) as server:
            return [await server.get(path, *headers) for path, *headers in requests]

    return run(main())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"home"),
        ("/index.html", 200, b"home"),
        ("/app.js", 200, b"0123456789"),
        ("/a%20b%20%C3%A9.txt", 200, b"odd name"),
        ("/sub/", 200, b"sub home"),
        ("/sub", 308, b""),
        ("/inside.js", 200, b"0123456789"),
        ("/.well-known/security.txt", 200, b"contact"),
        ("/sub%2Findex.html", 200, b"sub home"),
        ("/empty", 404, None),
        ("/empty/", 404, None),
        ("/nowhere", 404, None),
        ("/app.js/", 404, None),
        ("/app.js/x", 404, None),
        ("/.env", 404, None),
        ("/env", 404, None),
        ("/again", 404, None),
        ("/git/config", 404, None),
        ("/mounted.txt", 200, b"mounted"),
        ("/mounted-env", 404, None),
        ("/..data/mounted.txt", 404, None),
        ("/outside.txt", 404, None),
        ("/outside/secret.txt", 404, None),
        ("/loop", 404, None),
        ("/pipe", 404, None),
        ("/../secret.txt", 404, None),
        ("/%2e%2e/secret.txt", 404, None),
        ("/%2e%2e%2fsecret.txt", 404, None),
        ("/sub/..%2f..%2f..%2fsecret.txt", 404, None),
        ("/..%5csecret.txt", 404, None),
        ("//etc/passwd", 404, None),
        ("/%2Fetc%2Fpasswd", 404, None),
        ("/%00", 404, None),
        ("/app.js%00.html", 404, None),
        ("/%FF", 400, None),
        ("/" + "a" * 5000, 404, None),
        ("/" + "a/" * 5000, 404, None),
    ],
)
def test_files_are_served_and_nothing_else_is(
    folder: Path, path: str, status: int, body: bytes | None
) -> None:
    answer = asked(folder, (path,))[0]

    assert status == answer.status
    assert b"SECRET" not in answer.body
    if body is None:
        assert answer["content-type"] == "application/problem+json"
    else:
        assert body == answer.body


def test_a_folder_may_be_served_below_a_path(folder: Path) -> None:
    got = asked(folder, ("/assets/app.js",), ("/assets?v=1",), ("/app.js",), path="/assets")

    assert [answer.status for answer in got] == [200, 308, 404]
    assert got[1]["location"] == "/assets/?v=1"


def test_a_redirect_never_leaves_the_server(folder: Path) -> None:
    (folder / "evil.test").mkdir()
    (folder / "evil.test" / "index.html").write_text("x")

    got = asked(folder, ("/evil.test", "Host: other.test"), ("//evil.test",))

    assert got[0]["location"] == "/evil.test/"
    assert got[1].status == 404


@pytest.mark.parametrize(
    "name", ["50%41", "100%", "a b", "é", "a?b", "a#b", "a:b", "&amp;", "a\nb", "%2e%2e"]
)
def test_a_redirect_leads_to_the_folder_that_was_asked_for(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    (folder / name / "index.html").write_text(name)
    path = "/" + quote(name)

    redirect = asked(folder, (f"{path}?a=%41&b=%0d%0a",))[0]
    target = redirect["location"]
    page = asked(folder, (target,))[0]

    assert (redirect.status, target) == (308, f"{path}/?a=%41&b=%0d%0a")
    assert page.body.decode() == name


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/users/7", "*/*", 200),
        ("/users/7", "text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("/users/7", "text/*", 200),
        ("/users/7", "", 200),
        ("/users/7", "application/json", 404),
        ("/users/7", "application/json, text/plain", 404),
        ("/users/7", "text/html;q=0, */*", 404),
        ("/users/7", "text/html;q=0.0", 404),
        ("/users/7", "image/avif,image/webp,*/*;q=0.8", 200),
        ("/users/john.doe", "text/html,*/*", 200),
        ("/missing.js", "*/*", 404),
        ("/.env", "text/html", 404),
        ("/app.js", "*/*", 200),
    ],
)
def test_a_spa_answers_pages_by_its_index_and_missing_files_by_404(
    folder: Path, path: str, accept: str, status: int
) -> None:
    answer = asked(folder, (path, f"Accept: {accept}"), spa=True)[0]

    assert status == answer.status


def test_files_are_cached_as_told_and_an_index_is_asked_for_anew(folder: Path) -> None:
    got = asked(folder, ("/app.js",), ("/",), ("/users",), spa=True, cache="max-age=60")

    assert [answer["cache-control"] for answer in got] == ["max-age=60", "no-cache", "no-cache"]


def test_a_file_that_has_not_changed_is_not_sent_again(folder: Path) -> None:
    tag = asked(folder, ("/app.js",))[0]["etag"]

    answer = asked(folder, ("/app.js", f"If-None-Match: {tag}"), cache="max-age=60")[0]

    assert (answer.status, answer["cache-control"]) == (304, "max-age=60")


@pytest.mark.parametrize(
    ("ranges", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=-2", 206, b"89"),
        ("bytes=5-", 206, b"56789"),
        ("bytes= 5-6 ,, 9-", 206, None),
        ("bytes=0-3,2-4", 206, b"01234"),
        ("bytes=50-,3-3", 206, b"3"),
        ("Bytes=0-" + "9" * 5000, 206, b"0123456789"),
        ("bytes=-5000", 206, b"0123456789"),
        ("bytes=50-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=" + "9" * 5000 + "-", 416, None),
        ("bytes=" + ",".join(["0-"] * 10_000), 200, b"0123456789"),
        ("bytes=4-2", 200, b"0123456789"),
        ("bytes=a-b", 200, b"0123456789"),
        ("bytes=\u00b2-", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=", 200, b"0123456789"),
        ("bytes", 200, b"0123456789"),
        ("apples=1-2", 200, b"0123456789"),
    ],
    ids=range(19),
)
def test_ranges_are_served_and_many_of_them_are_not(
    folder: Path, ranges: str, status: int, body: bytes | None
) -> None:
    answer = asked(folder, ("/app.js", f"Range: {ranges}"))[0]

    assert status == answer.status
    assert body is None or body == answer.body


def test_head_is_answered_and_other_methods_are_not(folder: Path) -> None:
    async def main() -> list[Any]:
        async with served(Files(folder).routes("/", "app:files")) as server:
            head = await server.get("/app.js", method="HEAD")
            post = await server.get("/app.js", method="POST")
            return [head.status, head["content-length"], post.status, post["allow"]]

    assert run(main()) == [200, "10", 405, "GET, HEAD, OPTIONS"]


@pytest.mark.parametrize("spa", [False, True])
def test_beside_an_endpoint_a_missing_file_is_a_wrong_method(folder: Path, spa: bool) -> None:
    async def create(exchange: Any) -> dict[str, Any]:
        return {}

    async def main() -> list[Answer]:
        routes = Files(folder, spa=spa).routes("/", "app:site")
        endpoints = [route("POST", path, create) for path in ("/api/users", "/app.js", "/{any}/x")]
        async with served([*routes, *endpoints]) as server:
            page = "Accept: text/html"
            return [
                await server.get("/api/users", "Accept: application/json"),
                await server.get("/any/x", "Accept: application/json"),
                await server.get("/app.js", page),
                await server.get("/api/users", page),
                await server.get("/api/users", method="OPTIONS"),
                await server.get("/api/users", method="PUT"),
                await server.get("/nothing", "Accept: application/json"),
            ]

    missing, parameter, file, page, options, put, nothing = run(main())
    assert (missing.status, missing["allow"]) == (405, "OPTIONS, POST")
    assert (parameter.status, parameter["allow"]) == (405, "OPTIONS, POST")
    assert (file.status, file.body) == (200, b"0123456789")
    assert page.status == (200 if spa else 405)
    assert (options.status, options["allow"]) == (204, "OPTIONS, POST")
    assert (put.status, put["allow"]) == (405, "OPTIONS, POST")
    assert nothing.status == 404


def test_a_folder_that_is_not_there_stops_the_start(folder: Path) -> None:
    with pytest.raises(StartError, match="is not there; check 'directory'"):
        Files(folder / "nowhere").check()
    with pytest.raises(StartError, match="'spa' answers every page with it"):
        Files(folder / "empty", spa=True).check()
