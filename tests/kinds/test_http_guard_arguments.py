from __future__ import annotations

from pathlib import Path

from tests.support.hosting import GATEWAY, hosted
from tests.support.serving import run

TYPED = (
    GATEWAY
    + """
  - {name: api, kind: http.router, meta: {server: gateway}, guards: [owner]}
  - {name: owner, kind: http.guard, source: file://typed.py, method: owner}
  - {name: plain, kind: http.guard, source: file://typed_plain.py, method: plain}
  - {name: one, kind: http.endpoint, meta: {router: api}, method: GET, path: "/n/{id}", func: "file://typed.py#show"}
  - name: put
    kind: http.endpoint
    meta: {router: api}
    method: PUT
    path: "/n/{id}"
    func: file://typed.py#show
    guards: [plain]
"""
)
TYPED_FILES = {
    "typed.py": """
        from typing import Annotated
        from runtime.modules import http

        async def owner(id: int, request: http.Request, x_user: Annotated[str, http.Header()]):
            request.state.owner = f"{x_user} of {id}"

        async def show(id: int, owner: Annotated[str, http.State()]):
            return owner
    """,
    "typed_plain.py": """
        from typing import Annotated
        from runtime.modules.sync import http

        def plain(owner: Annotated[str, http.State()], request: http.Request, level: int = 1):
            request.state.owner = f"{owner} at {level}"
    """,
}


def test_a_guard_gets_what_it_asks_for_by_annotations(tmp_path: Path) -> None:
    async def main() -> None:
        async with hosted(tmp_path, TYPED, TYPED_FILES) as site:
            assert (await site.get("/n/7", "X-User: ann")).body == b"ann of 7"
            refused = await site.get("/n/x")
            assert refused.status == 422
            found = {(each["in"], each["name"]) for each in refused.json()["errors"]}
            assert found == {("path", "id"), ("header", "x-user")}
            client = await site.connect()
            # a plain def does not wait for the body either
            client.send(
                b"PUT /n/7?level=x HTTP/1.1\r\nHost: x\r\nX-User: a\r\nContent-Length: 9\r\n\r\n"
            )
            assert (await client.answer()).status == 422
            await client.close()
            passed = await site.get("/n/7?level=2", "X-User: ann", method="PUT", body=b"1")
            assert passed.body == b"ann of 7 at 2"

    run(main())
