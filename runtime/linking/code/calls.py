"""Calls: the calls of `runtime.modules` in a file, by whatever name the file has for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import msgspec

from runtime.linking.code.scope import Annotated, Assigned, Binding, Imported, Tree

_ROOT = "runtime.modules."
_BLOCKING_ROOT = "runtime.modules.sync."

_STATEMENTS = ("query", "query_one", "execute", "executemany")
_STORE = ("get", "set", "delete", "compare_and_set", "keys")
_QUEUE = (
    *("publish", "publish_many", "info", "dead_letters", "requeue", "drop"),
    *("status", "cancel", "pause", "resume"),
)

AWAITED = frozenset(
    {
        "process.stopping",
        "http.stopping",
        "events.send",
        *(f"http.Request.{name}" for name in ("json", "body", "form")),
        *(f"queue.Delivery.{name}" for name in ("ack", "nack")),
        "events.publish",
        *(f"queue.{name}" for name in _QUEUE),
        *(f"queue.Queue.{name}" for name in _QUEUE),
        *(f"sql.Database.{name}" for name in _STATEMENTS),
        *(f"sql.Transaction.{name}" for name in _STATEMENTS),
        *(f"store.Store.{name}" for name in _STORE),
    }
)
"""Functions that are awaited. Those of `runtime.modules.sync` block instead."""

IDS = frozenset(
    {
        "auth.sign",
        "events.send",
        "events.listen",
        "templates.render",
        "templates.page",
        *(f"{module}.get" for module in ("sql", "queue", "store", "resource", "registry")),
        *(f"queue.{name}" for name in _QUEUE),
    }
)
"""Functions whose first argument is the id of an entry."""

TOPICS = frozenset({"events.publish"})
"""Functions whose first argument is the topic of an event."""

_RESULTS = {
    "sql.get": "sql.Database",
    "sql.transaction": "sql.Transaction",
    "sql.Database.transaction": "sql.Database.transaction()",
    "store.get": "store.Store",
    "queue.get": "queue.Queue",
    "queue.message": "queue.Delivery",
    "http.request": "http.Request",
}
_TYPES = {
    "sql.Database": "sql.Database",
    "sql.Transaction": "sql.Transaction",
    "queue.Queue": "queue.Queue",
    "queue.Message": "queue.Delivery",
    "http.Request": "http.Request",
}
"""Types that annotations name, each as `_RESULTS` names it."""
_ANNOTATED = ("typing.Annotated", "typing_extensions.Annotated")
_BUILDER = "sql.builder"

_MOST_BINDINGS = 4
_MOST_DEPTH = 50
_BUDGET = 20_000
"""Expressions looked at in one file: nobody writes more, and names may refer to each other."""


class Callee(msgspec.Struct, frozen=True):
    """A function or value of `runtime.modules`: `queue.publish`, `sql.Database.query`."""

    name: str
    blocking: bool
    """True for that of `runtime.modules.sync`."""

    def __str__(self) -> str:
        return self.name


class Resolver:
    """Tells what an expression of a file is. None if that is not certain."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._pending: set[int] = set()
        self._budget = _BUDGET
        self._depth = 0

    def callee(self, node: ast.expr) -> Callee | None:
        """The part of `runtime.modules` that an expression is."""
        path = self.path(node)
        if path is None or not path.startswith(_ROOT):
            return None
        blocking = path.startswith(_BLOCKING_ROOT)
        return Callee(path.removeprefix(_BLOCKING_ROOT if blocking else _ROOT), blocking)

    def path(self, node: ast.expr) -> str | None:
        """The dotted path of an expression; objects are named by their class."""
        self._budget -= 1
        if self._budget < 0 or self._depth > _MOST_DEPTH:
            return None
        self._depth += 1
        try:
            match node:
                case ast.Name():
                    return self._of_name(node)
                case ast.Attribute():
                    base = self.path(node.value)
                    return f"{base}.{node.attr}" if base else None
                case ast.Call():
                    return self._of_result(node)
            return None
        finally:
            self._depth -= 1

    def constant(self, node: ast.expr) -> str | None:
        """The text that an expression is: a literal, or a name that is bound to one only."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name):
            match self._tree.scopes[node].lookup(node.id):
                case [Assigned(value=ast.Constant(value=str(text)), entered=None)]:
                    return text
        return None

    def _of_name(self, node: ast.Name) -> str | None:
        bindings = self._tree.scopes[node].lookup(node.id)
        if not 0 < len(bindings) <= _MOST_BINDINGS or self._tree.has_star:
            return None
        # `statement = statement.where(…)` is what the others make of the name
        paths = {self._of_binding(each) for each in bindings if id(each) not in self._pending}
        return paths.pop() if len(paths) == 1 else None

    def _of_binding(self, binding: Binding) -> str | None:
        if isinstance(binding, Imported):
            return binding.path
        if isinstance(binding, Annotated):
            return self._of_annotation(binding.annotation)
        if not isinstance(binding, Assigned):
            return None
        self._pending.add(id(binding))
        try:
            path = self.path(binding.value)
        finally:
            self._pending.discard(id(binding))
        if binding.entered is None or path is None:
            return path
        wanted = ast.With if path.startswith(_BLOCKING_ROOT) else ast.AsyncWith
        database, parts, _ = path.partition(".Database.transaction()")
        fits = parts and isinstance(binding.entered, wanted)
        return f"{database}.Transaction" if fits else None

    def _of_annotation(self, node: ast.expr) -> str | None:
        match node:
            case ast.Subscript(value=base, slice=ast.Tuple(elts=[first, *_])):
                return self._of_annotation(first) if self.path(base) in _ANNOTATED else None
            case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
                return self._of_annotation(left)
            case ast.Name() | ast.Attribute():
                path = self.path(node) or ""
                known = _TYPES.get(path.removeprefix(_ROOT)) if path.startswith(_ROOT) else None
                return _ROOT + known if known else None
        return None

    def _of_result(self, call: ast.Call) -> str | None:
        function = self.path(call.func)
        if function is None or not function.startswith(_ROOT):
            return None
        root = _BLOCKING_ROOT if function.startswith(_BLOCKING_ROOT) else _ROOT
        name = function.removeprefix(root)
        if name in _RESULTS:
            return root + _RESULTS[name]
        if name.startswith(f"{_BUILDER}."):
            if not name.endswith(".run_with"):
                return f"{root}{_BUILDER}.Statement"
            return self.path(call.args[0]) if call.args else None
        return None


FoundCall = tuple[ast.Call, Callee]


def find_calls(tree: Tree, resolver: Resolver) -> Iterator[FoundCall]:
    """Every call of something in `runtime.modules`."""
    for node in tree.scopes:
        if isinstance(node, ast.Call) and (callee := resolver.callee(node.func)):
            yield node, callee
