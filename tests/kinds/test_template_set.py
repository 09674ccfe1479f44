"""template.set: filled in by handlers, compiled at the start, mistakes as findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hosting import GATEWAY, hosted, remarks
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - {name: router, kind: http.router}
  - {name: pages, kind: template.set, globals: {site: Tasks}}
  - {name: page, kind: http.endpoint, method: GET, path: "/{name}", func: "file://h.py#page"}
  - {name: mail, kind: http.endpoint, method: GET, path: "/mail/{name}", func: "file://h.py#mail"}
"""
)
HANDLERS = """
from runtime.modules import templates
from runtime.modules.sync import templates as sync_templates

async def page(request):
    return templates.page("pages", f"{request.path_params['name']}.html", user="<Ada>")

def mail(request):
    name = f"mail/{request.path_params['name']}.txt"
    return sync_templates.render("app:pages", name, user="<Ada>")
"""
BASE = "<title>{{ site }}</title>{% block body %}{% endblock %}\n"
TASK = '{% extends "base.html" %}{% block body %}<p>{{ user }}</p>{% endblock %}'
FILES = {
    "h.py": HANDLERS,
    "templates/base.html": BASE,
    "templates/task.html": TASK,
    "templates/mail/welcome.txt": "Hello {{ user }}\n",
    "templates/missing.html": "{{ nobody }}",
    "templates/.hidden.html": "{% if %}",
}


def test_pages_are_escaped_and_mails_are_not(tmp_path: Path) -> None:
    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, FILES) as app:
            page = await app.get("/task")
            assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
            assert page.body == b"<title>Tasks</title><p>&lt;Ada&gt;</p>"
            mail = await app.get("/mail/welcome")
            assert mail.body == b"Hello <Ada>"
            assert mail["content-type"] == "text/plain; charset=utf-8"

    run(test())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/missing", "UndefinedError: 'nobody' is undefined"),
        (
            "/tsak",
            "LookupError: 'app:pages' has no template 'tsak.html'; did you mean 'task.html'?",
        ),
    ],
)
def test_a_value_or_a_template_that_is_missing_is_an_error_with_its_place(
    tmp_path: Path, path: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with hosted(tmp_path, MANIFEST, FILES) as app:
            assert (await app.get(path)).status == 500

    run(test())
    assert line in caplog.text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"templates/bad.html": "a\nb {% if %}"}, "templates/bad.html:2: Expected an expression"),
        ({"templates/bad.html": "{{ 1|shuot }}"}, "templates/bad.html:1: No filter named 'shuot'"),
        ({"templates/bad.html": '{% extends "bsae.html" %}'}, "'bsae.html', which is not there"),
    ],
)
def test_a_mistake_in_a_template_is_a_finding(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    (text,) = told(tmp_path, MANIFEST, {**FILES, **files})

    assert message in text


def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "logo.png").write_bytes(b"\x89PNG\xff")

    assert told(tmp_path, MANIFEST, FILES) == ["'templates/logo.png' is not UTF-8"]


def test_a_folder_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    assert told(tmp_path, MANIFEST, {"h.py": HANDLERS}) == ["no folder 'templates'"]


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    files = {**FILES, "h.py": HANDLERS.replace('"pages"', '"paegs"')}

    (text,) = told(tmp_path, MANIFEST, files)
    assert text == "no entry 'app:paegs'"


def told(folder: Path, manifest: str, files: dict[str, str]) -> list[str]:
    return [each.message for each in remarks(folder, manifest, files)]
