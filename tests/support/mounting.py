"""A server with applications of three sorts mounted, for the tests of mounts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.support.hosting import GATEWAY, Hosted, hosted
from tests.support.serving import run

MANIFEST = (
    GATEWAY
    + """
  - name: router
    kind: http.router
    meta: {server: gateway}
    prefix: /in
    middleware: [cors]
    guards: [key]
  - {name: key, kind: http.guard, source: file://h.py, method: key}
  - {name: bare, kind: http.mount, meta: {server: gateway}, path: /bare, app: "file://bare.py#app"}
  - {name: deep, kind: http.mount, meta: {server: gateway}, path: /bare/deep, app: "file://site.py#app"}
  - name: fast
    kind: http.mount
    meta: {router: router}
    path: /fast
    app: file://fast.py#make
    factory: true
  - name: one
    kind: http.endpoint
    meta: {router: open}
    method: GET
    path: /bare/one
    func: file://h.py#one
  - {name: open, kind: http.router, meta: {server: gateway}}
"""
)
FILES = {
    "h.py": """
        from runtime.modules import http

        async def key(request):
            if request.headers.get("x-key") != "k":
                raise http.Error(401)
            request.state.user = "ann"

        async def one():
            return "an endpoint"
    """,
    "bare.py": """
        import json

        events = []

        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                events.append((await receive())["type"])
                scope["state"]["pool"] = [1]
                await send({"type": "lifespan.startup.complete"})
                events.append((await receive())["type"])
                await send({"type": "lifespan.shutdown.complete"})
                return
            size = 0
            while True:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    break
            seen = {name: scope[name] for name in ("path", "root_path", "method", "state")}
            own = [name for name in scope if name.startswith("runtime")]
            body = json.dumps({**seen, "raw": scope["raw_path"].decode(), "size": size, "own": own,
                               "params": scope.get("path_params", {})}).encode()
            headers = [(b"content-type", b"application/json"), (b"x-request-id", b"mine")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
            await send({"type": "http.response.body", "body": body})
    """,
    "site.py": """
        import contextlib
        from starlette.applications import Starlette
        from starlette.responses import JSONResponse, StreamingResponse
        from starlette.routing import Route

        @contextlib.asynccontextmanager
        async def lifespan(app):
            yield {"db": "open"}

        async def home(request):
            return JSONResponse({
                "db": request.state.db,
                "url": str(request.url_for("item", id=7)),
                "params": request.path_params,
            })

        async def item(request):
            return JSONResponse(request.path_params)

        async def fail(request):
            raise ValueError("broken")

        async def stream(request):
            async def parts():
                for part in ("a", "b"):
                    yield part
            return StreamingResponse(parts())

        app = Starlette(lifespan=lifespan, routes=[
            Route("/", home), Route("/item/{id:int}", item, name="item"),
            Route("/fail", fail), Route("/stream", stream),
        ])
    """,
    "fast.py": """
        from typing import Annotated
        from fastapi import FastAPI, Request
        from pydantic import BaseModel

        class Note(BaseModel):
            text: str

        def make():
            app = FastAPI()

            @app.post("/notes/{id}")
            async def add(id: int, note: Note, request: Request):
                return {"id": id, "text": note.text, "user": request.state.user}

            return app
    """,
}


def alone(app: str, *, factory: bool = False) -> str:
    """The manifest of a server with one application."""
    fields = ", factory: true" if factory else ""
    return (
        GATEWAY
        + f"""
  - {{name: site, kind: http.mount, meta: {{server: gateway}}, path: /, app: "{app}"{fields}}}
"""
    )


def on_site(
    folder: Path,
    test: Callable[[Hosted], Coroutine[Any, Any, Any]],
    manifest: str = MANIFEST,
) -> Any:
    async def main() -> Any:
        async with hosted(folder, manifest, FILES) as site:
            return await test(site)

    return run(main())
