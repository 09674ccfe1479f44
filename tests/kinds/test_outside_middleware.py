"""Middleware from other packages: the example of the documentation, installed and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.blackbox import ROOT, execute
from tests.support.doc_examples import steps
from tests.support.program import running, write_application

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "adding-a-middleware.md"
MANIFEST = """
namespace: app
entries:
  - {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
  - name: router
    kind: http.router
    meta: {server: gateway}
    middleware: [token]
    options:
      token.value: s3cret
      token_pause: 0ms
  - {name: ep, kind: http.endpoint, meta: {router: router}, method: GET, path: /x, func: hello}
  - {name: hello, kind: function.python, source: file://hello.py}
"""
HELLO = "async def main():\n    return 'hello'\n"


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a program that has the documentation's package installed."""
    site = tmp_path / "site"
    for step in steps(PAGE):
        if step.action == "file":
            file = site / step.argument
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.text, encoding="utf-8")
    package = site / "acme_token-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-token\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[runtime.middleware]\ntoken = acme_token\n")
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.fixture
def application(tmp_path: Path) -> Path:
    return write_application(tmp_path / "app", MANIFEST, **{"hello.py": HELLO})


def test_it_stands_before_the_handlers(installed: Mapping[str, str], application: Path) -> None:
    with running(application, env=dict(installed)) as program:
        assert status(program.url("/x"), {}) == 401
        assert status(program.url("/x"), {"Authorization": "Bearer s3cret"}) == 200
        assert program.stop() == 0


def status(url: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_its_options_are_on_the_router_s_page_and_in_the_editors_schema(
    installed: Mapping[str, str],
) -> None:
    page = execute("kinds", "http.router", env=installed).out
    router: Any = json.loads(execute("schema", env=installed).out)["$defs"]["http.router"]

    assert "`session` \\| `token` |" in page
    assert "| `options.token.pause` | duration | `0s` |" in page
    assert "Also written `token_pause`." in page
    assert "token" in router["properties"]["middleware"]["items"]["anyOf"][0]["enum"]
    assert {"token.value", "token_value"} <= {*router["properties"]["options"]["properties"]}
    assert "token" not in execute("kinds", "http.router").out


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("[token]", "[tokn]", "8:18: 'middleware[0]' is 'tokn', not one of compress, cors, "),
        ("[token]", "[tokn]", "did you mean 'token'?"),
        ("[token]", "[cors]", "10:20: no middleware here has the option 'token.value'; list"),
        ("token.value:", "token.valu:", "10:7: unknown field 'token.valu'; did you mean"),
        ("token.value:", "token.valu:", "missing field 'token.value'"),
        ("0ms", "soon", "11:20: option 'token_pause' is 'soon', not a duration; write 500ms"),
        ("s3cret", "s 3", "10:20: option 'token.value' is not of letters and digits alone"),
    ],
)
def test_its_names_and_options_are_checked_on_their_lines(
    old: str, new: str, found: str, installed: Mapping[str, str], application: Path
) -> None:
    manifest = application / "_index.yaml"
    right = execute("validate", str(application), env=installed)
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    wrong = execute("validate", str(application), env=installed)

    assert (right.code, wrong.code) == (0, 3), right.out
    assert found in wrong.out


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (
            "raise RuntimeError('broken')",
            "the middleware 'token' cannot be loaded: RuntimeError: broken",
        ),
        ("schema = {}", "the middleware 'token' has no function 'build'"),
        ("def build(options, clock): ...", "the middleware 'token' has no valid schema"),
    ],
    ids=["raises", "no build", "no schema"],
)
def test_a_broken_middleware_is_a_finding_and_no_page_fails(
    code: str, found: str, installed: Mapping[str, str], application: Path, tmp_path: Path
) -> None:
    (tmp_path / "site" / "acme_token" / "__init__.py").write_text(code)

    ended = execute("validate", str(application), env=installed)

    assert ended.code == 3
    assert f"8:18: {found}" in ended.out
    assert "Traceback" not in ended.out + ended.err
    assert execute("kinds", "http.router", env=installed).code == 0


def test_a_built_in_one_is_found_without_a_look_at_other_packages(application: Path) -> None:
    manifest = application / "_index.yaml"
    text = manifest.read_text().replace("[token]", "[ratelimit, real_ip]")
    manifest.write_text(text.replace("token.value: s3cret", "ratelimit.burst: 5"))
    manifest.write_text(manifest.read_text().replace("token_pause: 0ms", "ratelimit.key: ip"))
    code = """
import sys
from pathlib import Path
from runtime.application.application import Application
Application.load(Path(sys.argv[1])).build()
assert "runtime.engines.web.middleware.ratelimit" in sys.modules
print({"importlib.metadata", "jsonschema", "pkgutil"} & {*sys.modules})
"""

    ended = subprocess.run(
        [sys.executable, "-c", code, str(application)], capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("set()\n", "")
