"""A manifest with entries of each kind, and edits of the fields whose schema does not tell one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA8zrKzT0k09Rxu4uszNVRA0+dTMFkhmMR2ldUg1A2Uh4=
-----END PUBLIC KEY-----
"""
JWK = {"kty": "OKP", "crv": "Ed25519", "x": "8zrKzT0k09Rxu4uszNVRA0-dTMFkhmMR2ldUg1A2Uh4"}

FILES = {
    "f.py": """
        import asyncio

        async def show(): ...
        async def take(body): ...
        async def took(body): ...
        def count(number): ...
        async def stream():
            yield 1
        async def batch(bodies): ...
        async def poll(value=None):
            await asyncio.sleep(1000)
        async def polled(value=None):
            await asyncio.sleep(1001)
        async def once(value=None): ...
        def make(options=None):
            return object()
        def made(options=None):
            return object()
        async def talk(socket): ...
        async def talked(socket): ...
        async def guard(request): ...
        async def guarded(request): ...

        class Passing:
            def __init__(self, app, **options):
                self.app = app
            async def __call__(self, scope, receive, send):
                await self.app(scope, receive, send)

        class Passed(Passing): ...

        async def site(scope, receive, send): ...
        async def sited(scope, receive, send): ...
        def create():
            return site
    """,
    "g.py": """
        from .f import *
    """,
    "migrations/0001_books.sql": "CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY);",
    "steps/0001_books.sql": "CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY);",
    "pages/page.html": "<p>",
    "templates/page.html": "<p>",
    "static/index.html": "<p>",
    "other/index.html": "<p>",
}

ENTRIES = """
- {name: gateway, kind: http.service, addr: "127.0.0.1:0", lifecycle: {auto_start: true}}
- {name: second, kind: http.service, addr: "127.0.0.1:0"}
- {name: router, kind: http.router, meta: {server: gateway}, prefix: /a}
- {name: routed, kind: http.router, meta: {server: gateway}, prefix: /b}
- {name: show, kind: function.python, source: file://f.py, method: show}
- {name: shown, kind: function.python, source: file://g.py, method: show}
- {name: pooled, kind: function.python, source: file://f.py, method: count, processes: 1, lifecycle: {auto_start: false}}
- {name: take, kind: function.python, source: file://f.py, method: take}
- {name: took, kind: function.python, source: file://f.py, method: took}
- {name: bearer, kind: auth.bearer, tokens: {ada: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}
- {name: jwt, kind: auth.jwt, algorithms: [HS256], secret: "${env:KEY}"}
- {name: guard, kind: http.guard, source: file://f.py, method: guard}
- {name: passing, kind: http.middleware, class: "file://f.py#Passing"}
- {name: get, kind: http.endpoint, meta: {router: router}, method: GET, path: /get, func: show}
- {name: files, kind: http.static, meta: {server: gateway}, path: /files, directory: static}
- {name: site, kind: http.mount, meta: {server: gateway}, path: /site, app: "file://f.py#site"}
- {name: status, kind: http.task_status, meta: {router: router}, path: "/tasks/{id}", queue: tasks}
- {name: talk, kind: http.websocket, meta: {router: router}, path: /talk, func: "file://f.py#talk"}
- {name: db, kind: db.sql.sqlite, file: ./a.db, lifecycle: {auto_start: true}}
- {name: spare, kind: db.sql.sqlite, file: ./b.db, lifecycle: {auto_start: true}}
- {name: away, kind: db.sql.postgres, dsn: "postgres://u@h/d", lifecycle: {auto_start: false}}
- {name: migrations, kind: db.migrations, database: db}
- {name: memory, kind: queue.driver.memory}
- {name: durable, kind: queue.driver.sql, database: db}
- {name: broker, kind: queue.driver.amqp, url: "amqps://h", lifecycle: {auto_start: false}}
- {name: tasks, kind: queue.queue, driver: durable}
- {name: other, kind: queue.queue, driver: memory}
- {name: worker, kind: queue.consumer, queue: tasks, func: take, lifecycle: {auto_start: true}}
- {name: heard, kind: event.subscriber, topics: [a.b], driver: durable, func: take}
- {name: prices, kind: event.topic, lifecycle: {auto_start: true}}
- {name: cache, kind: store.memory, lifecycle: {auto_start: true}}
- {name: kept, kind: store.sql, database: db, lifecycle: {auto_start: true}}
- {name: set, kind: template.set, directory: pages}
- {name: made, kind: resource.python, source: file://f.py, method: make}
- {name: host, kind: process.host, lifecycle: {auto_start: true}}
- {name: hosted, kind: process.host, lifecycle: {auto_start: true}}
- {name: poll, kind: process.python, source: file://f.py, method: poll}
- {name: polled, kind: process.python, source: file://f.py, method: polled}
- {name: once, kind: process.python, source: file://f.py, method: once}
- {name: poller, kind: process.service, process: poll, host: host, lifecycle: {auto_start: true}}
- {name: sleep, kind: process.command, command: [sleep, "1000"], lifecycle: {auto_start: true}}
- {name: web, kind: process.command, command: [sleep, "1000"], ready: {port: 9}}
- {name: nightly, kind: schedule.cron, cron: "0 3 * * *", queue: tasks, body: {}}
- {name: otlp, kind: telemetry.otlp, endpoint: ""}
- {name: plain, kind: registry.entry, colour: red}
"""  # noqa: E501

BY_HAND: Mapping[str, Mapping[str, Any]] = {
    "modules": {"modules": ["logger"]},
    "source": {"source": "file://g.py"},
    "auth.bearer tokens": {"tokens": {"bob": "sha256:" + "0" * 64}},
    "auth.jwt jwks": {"secret": None, "algorithms": ["EdDSA"], "jwks": {"keys": [JWK]}},
    "auth.jwt key": {"secret": None, "algorithms": ["EdDSA"], "key": KEY},
    "db.migrations directory": {"directory": "steps"},
    "db.sql.postgres direct": {"pooler": "transaction", "direct": "postgres://u@h/e"},
    "db.sql.postgres file_mode": {"file_mode": "0660"},
    "db.sql.sqlite file_mode": {"file_mode": "0660"},
    # a file cannot change its journal while it is open, so a reload to another mode is refused
    "db.sql.sqlite pragmas.journal_mode": {"pragmas": {"journal_mode": "wal"}},
    **{
        f"{kind} {name}": value
        for kind in ("event.subscriber", "queue.consumer")
        for name, value in {
            "batch.wait": {"func": "file://f.py#batch", "batch": {"size": 2, "wait": "2s"}},
            "batch.size": {"func": "file://f.py#batch", "batch": {"size": 2}},
            "concurrency_by": {"concurrency_by": "body.tenant", "per_key": 1},
            "per_key": {"concurrency_by": "body.tenant", "per_key": 2},
        }.items()
    },
    "function.python method": {"method": "took"},
    "http.endpoint answer": {"answer": "sse", "func": "file://f.py#stream"},
    "http.guard method": {"method": "guarded"},
    "http.middleware class": {"class": "file://f.py#Passed"},
    "http.mount app": {"app": "file://f.py#sited"},
    "http.mount factory": {"app": "file://f.py#create", "factory": True},
    "http.mount meta.router": {"meta": {"router": "router"}},
    "http.router middleware": {"middleware": ["compress"]},
    "http.router options": {"middleware": ["compress"], "options": {"compress_level": "best"}},
    "http.service addr": {"addr": "127.0.0.2:0"},
    "http.service tls.cert": {"tls": {"cert": "both.pem"}},
    "http.service tls.key": {"tls": {"cert": "cert.pem", "key": "key.pem"}},
    "http.static directory": {"directory": "other"},
    "http.task_status path": {"path": "/jobs/{id}"},
    "http.websocket origins": {"origins": ["https://shop.example"]},
    "process.command command": {"command": ["sleep", "1001"]},
    "process.command directory": {"directory": "static"},
    "process.command ready.line": {"ready": {"line": "up"}},
    "process.command type": {"type": "oneshot", "command": ["true"]},
    "process.python command.help": {"command": {"name": "poll", "help": "x"}},
    "process.python method": {"method": "polled"},
    "process.service input": {"input": [1]},
    "process.service process": {"process": "polled"},
    "process.service type": {"type": "oneshot", "process": "once"},
    "queue.driver.amqp tls.insecure_skip_verify": {
        "url": "amqps://localhost",
        "tls": {"insecure_skip_verify": True},
    },
    "queue.driver.amqp tls.key": {"tls": {"cert": "cert.pem", "key": "key.pem"}},
    "resource.python method": {"method": "made"},
    "resource.python options": {"options": {"options": 7}},
    "schedule.cron body": {"body": {"n": 7}},
    "schedule.cron cron": {"cron": "0 4 * * *"},
    "schedule.cron every": {"cron": None, "every": "7h"},
    "schedule.cron func": {"queue": None, "func": "file://f.py#once"},
    "schedule.cron zone": {"zone": "Europe/Paris"},
    "telemetry.otlp endpoint": {"endpoint": "http://127.0.0.1:9"},
    "template.set directory": {"directory": "templates"},
}
"""What the schema does not tell, by `kind field.field` or `field` alone: fields of the entry
after the edit, None for one that it takes away.
"""

LEFT_OUT: Mapping[str, str] = {
    "db.sql.postgres lifecycle.auto_start": "it starts only if there is a PostgreSQL",
    "queue.driver.amqp lifecycle.auto_start": "it starts only if there is a RabbitMQ",
}
"""The fields of which no edit is tried, by `kind field.field`, and the reason."""
