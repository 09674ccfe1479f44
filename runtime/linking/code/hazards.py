"""Hazards: calls that harm the whole program from within a handler, though they may be meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from runtime.linking.code.awaiting import Fault
from runtime.linking.code.calls import Resolver
from runtime.linking.code.scope import Tree

_THREAD = "make the handler a 'def', which runs in a thread"
_HTTP = "use a client that is awaited, or make the handler a 'def', which runs in a thread"
_PROCESS = "write 'await asyncio.create_subprocess_exec(…)'"

_BLOCKING: Mapping[str, str] = {
    "time.sleep": "write 'await asyncio.sleep(…)'",
    "input": _THREAD,
    "os.system": _PROCESS,
    "urllib.request.urlopen": _HTTP,
    **{f"subprocess.{name}": _PROCESS for name in ("run", "call", "check_call", "check_output")},
    **{
        f"{client}.{name}": _HTTP
        for client in ("requests", "httpx")
        for name in ("get", "post", "put", "patch", "delete", "head", "options", "request")
    },
}
"""Functions that wait in their thread, each with what to write in an `async def`."""

_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "os.chdir": ("changes the folder of the whole program", "use absolute paths"),
    "signal.signal": (
        "takes the signal from the runtime, which drains on it",
        "await 'process.stopping()' in a process",
    ),
}


def hazards(tree: Tree, resolver: Resolver) -> Iterator[Fault]:
    """The hazardous calls inside the functions of a file."""
    for node in tree.scopes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        function = tree.scopes[node].function
        path = resolver.path(node.func) if function else None
        if path is None:
            continue
        if path in _ELSEWHERE:
            effect, hint = _ELSEWHERE[path]
            yield Fault(node, f"'{path}' {effect}", hint)
        elif isinstance(function, ast.AsyncFunctionDef) and path in _BLOCKING:
            message = f"'{path}' blocks the event loop, and so every other request and message"
            yield Fault(node, message, _BLOCKING[path])
        elif isinstance(function, ast.AsyncFunctionDef) and path == "asyncio.run":
            message = "'asyncio.run' fails where an event loop runs, as in an 'async def'"
            yield Fault(node, message, "write 'await'")
