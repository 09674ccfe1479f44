"""Parameters of typed handlers, checked as syntax against what their callers have."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import write_files

HEAD = """
from __future__ import annotations
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict
from uuid import UUID
import msgspec
from msgspec import Struct, Meta
from runtime.modules import http, logger, queue, sql
from .models import Order
import runtime.modules.http as web
class Task(msgspec.Struct):
    a: int
class Later(Task): ...
@dataclass
class Point:
    x: int
class Colour(Enum):
    RED = 1
Id = NewType("Id", int)
Tenant = Annotated[str, http.Header("x-tenant")]
"""
MODELS = "from msgspec import Struct\nclass Order(Struct):\n    n: int\n"
LINE = HEAD.count("\n")
"""The line of the function."""


def findings(
    folder: Path, code: str, method: str = "POST", path: str = "/", more: str = ""
) -> list[str]:
    """The findings of an endpoint's or, without a method, a consumer's function, without folder."""
    endpoint = f"""
      - {{name: gateway, kind: http.service, addr: ":0"}}
      - {{name: api, kind: http.router, meta: {{server: gateway}}{more}}}
      - name: it
        kind: http.endpoint
        method: {method}
        path: "{path}"
        func: file://h.py#main
    """
    consumer = """
      - {name: driver, kind: queue.driver.memory}
      - {name: tasks, kind: queue.queue, driver: driver}
      - {name: it, kind: queue.consumer, queue: tasks, func: "file://h.py#main"}
    """
    manifest = "namespace: app\nentries:\n" + dedent(endpoint if method else consumer)
    files = {"_index.yaml": manifest, "h.py": HEAD + dedent(code), "models.py": MODELS}
    try:
        link(read(write_files(folder, files)), Registry())
    except ManifestError as error:
        return [str(each).replace(f"{folder}/", "") for each in error.findings]
    return []


@pytest.mark.parametrize(
    "code",
    [
        "async def main(task: Task, x: int = 1, tag: list[str] = []): ...",
        "async def main(order: Order, tenant: Tenant, colour: Colour, id: Id): ...",
        "async def main(request: http.Request, reply: http.Reply, log: logger.Logger): ...",
        "async def main(points: list[Point] | None, *, n: Optional[int] = None): ...",
        "def main(a: Annotated[str, http.Form], f: http.UploadFile): ...",
        "async def main(x: 'int', t: 'Task'): ...",
        "async def main(unknown: Anything, other: sql.Database): ...",
        "async def main(user: Annotated[str, http.State('user')]): ...",
    ],
)
def test_what_an_endpoint_has_is_no_finding(tmp_path: Path, code: str) -> None:
    assert findings(tmp_path, code) == []


@pytest.mark.parametrize(
    ("parameters", "column", "said"),
    [
        (
            "a: Task, b: list[Order]",
            28,
            "'a' and 'b' are each the body of POST /, of which there is one; "
            "make one record of them",
        ),
        (
            "a: Task, b: Annotated[str, http.Form]",
            28,
            "'a' is the body, and 'b' a part of a form; keep one of them",
        ),
        (
            "a: Annotated[int, http.Query(), http.Header]",
            19,
            "'a' has more than one source: Query, Header; keep one of them",
        ),
        (
            "a: Annotated[int, web.Path('id')]",
            19,
            "'a' is 'id' of the path, but POST / has none; add {id} to the path",
        ),
        (
            "a: queue.Message",
            19,
            "'a' asks for queue.Message, but POST / has none; leave it out",
        ),
    ],
)
def test_contradictions_are_findings_at_the_annotation(
    tmp_path: Path, parameters: str, column: int, said: str
) -> None:
    found = findings(tmp_path, f"async def main({parameters}): ...")
    assert found == [f"h.py:{LINE}:{column}: {said}"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
@pytest.mark.parametrize("annotation", ["Later", "Point | None", "dict[str, Any]", "'Order'"])
def test_a_body_where_there_is_none_is_a_finding(
    tmp_path: Path, method: str, annotation: str
) -> None:
    (found,) = findings(tmp_path, f"async def main(task: {annotation}): ...", method)
    assert found == (
        f"h.py:{LINE}:22: 'task' is the body, but a {method} has none; "
        "write Annotated[…, http.Query] if it is in the query"
    )


def test_a_parameter_of_the_path_that_is_not_taken_is_a_finding(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "async def main(name: int): ...", "GET", "/{id}/{name}")
    assert found == (
        "_index.yaml:9:9: the path has 'id', which 'main' does not take; "
        "add the parameter 'id' to the function"
    )


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("async def main(request: http.Request): ...", ""),
        ("async def main(request): ...", ""),
        ("async def main(n: int, **rest): ...", ""),
        ("async def main(n: int):\n    return http.request().path_params['id']", ""),
        ("async def main(key: Annotated[int, http.Path('id')]): ...", ""),
    ],
)
def test_the_path_may_be_read_by_other_means(tmp_path: Path, code: str, more: str) -> None:
    assert findings(tmp_path, code, "GET", "/{id}", more) == []


def test_a_rest_of_the_path_need_not_be_read(tmp_path: Path) -> None:
    assert findings(tmp_path, "async def main(n: int): ...", "GET", "/{rest...}") == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("a: Annotated[int, http.Query]", "'a' comes from the query, but a consumer has none"),
        ("a: Tenant", "'a' comes from the header, but a consumer has none"),
        ("a: http.Request", "'a' asks for http.Request, but a consumer has none"),
        ("a: http.UploadFile", "'a' comes from the form, but a consumer has none"),
    ],
)
def test_a_consumer_has_no_request(tmp_path: Path, parameters: str, said: str) -> None:
    (found,) = findings(tmp_path, f"async def main({parameters}): ...", "")
    assert found.startswith(f"h.py:{LINE}:19: {said}; leave it out")


def test_a_consumer_has_one_body(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "async def main(a: int, b: Task): ...", "")
    assert "'a' and 'b' are each the body of a consumer" in found
    assert findings(tmp_path, "async def main(a: int, m: queue.Message): ...", "") == []
    assert findings(tmp_path, "async def main(a: int, b: Tenant = ''): ...", "") == []
