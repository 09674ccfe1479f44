"""Awaiting: calls of `runtime.modules` whose result needs an `await` that is not there.

Only what is certain is told: a call that is passed on, stored or returned may be awaited elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import msgspec

from runtime.linking.code.calls import AWAITED, Callee, FoundCall
from runtime.linking.code.scope import Assigned, FunctionNode, Tree

_OF_COROUTINES = frozenset({"send", "throw", "close"})
_NOT_FOR_COROUTINES = frozenset(
    {"all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "iter", "len", "list"}
    | {"max", "min", "next", "print", "repr", "set", "sorted", "str", "sum", "tuple"}
)
"""Builtins to which nobody passes a coroutine on purpose."""

_HOLDERS = (
    *(ast.Dict, ast.List, ast.Set, ast.Tuple),
    *(ast.DictComp, ast.GeneratorExp, ast.ListComp, ast.SetComp),
)
"""Expressions that keep the value of one inside them and do nothing with it."""

_SHOWN = 40


class Fault(msgspec.Struct, frozen=True):
    """A certain mistake at a node of a file."""

    node: ast.expr | ast.stmt
    message: str
    hint: str


def faults(tree: Tree, calls: Iterable[FoundCall]) -> Iterator[Fault]:
    """The mistakes in the calls of a file."""
    loads = _Loads(tree)
    for call, callee in calls:
        function = tree.scopes[call].function
        if callee.blocking:
            if isinstance(function, ast.AsyncFunctionDef) and _blocks(callee):
                yield _blocking(call, callee)
        elif callee.name in AWAITED:
            if loads.is_misused(call):
                yield _unawaited(call, callee, function)
        elif callee.name == "sql.Database.transaction" and _is_entered_plainly(tree, call):
            yield _unawaited(call, callee, function, "async with")


def returned(
    tree: Tree, calls: Iterable[FoundCall], function: ast.AsyncFunctionDef
) -> Iterator[Fault]:
    """The faults of a handler that is an `async def`, whose result nobody awaits."""
    for call, callee in calls:
        if callee.blocking or callee.name not in AWAITED:
            continue
        holder: ast.AST = tree.parents[call]
        while isinstance(holder, _HOLDERS):
            holder = tree.parents[holder]
        if isinstance(holder, ast.Return) and tree.scopes[holder].function == function:
            yield _unawaited(call, callee, function)


class _Loads:
    """Finds the places where the result of a call goes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._names: dict[str, list[ast.Name]] | None = None

    def is_misused(self, call: ast.Call) -> bool:
        """True if the result of a call is never awaited, nor passed to what could await it."""
        parent = self._tree.parents[call]
        if isinstance(parent, ast.Assign | ast.AnnAssign):
            return self._is_lost(parent, call)
        return _is_misuse(self._tree, call)

    def _is_lost(self, assignment: ast.Assign | ast.AnnAssign, call: ast.Call) -> bool:
        """True if a local variable that takes the result is not read, or only misused."""
        is_single = isinstance(assignment, ast.AnnAssign) or len(assignment.targets) == 1
        target = (
            assignment.target if isinstance(assignment, ast.AnnAssign) else assignment.targets[0]
        )
        scope = self._tree.scopes[assignment]
        if not (is_single and isinstance(target, ast.Name) and scope.function):
            return False
        match scope.bindings.get(target.id):
            case [Assigned(value=value)] if value is call:
                reads = self._reads(target.id)
                return all(
                    self._tree.scopes[read] is scope and _is_misuse(self._tree, read)
                    for read in reads
                    if self._tree.scopes[read].lookup(target.id) is scope.bindings[target.id]
                )
        return False

    def _reads(self, name: str) -> list[ast.Name]:
        if self._names is None:
            self._names = {}
            for node in self._tree.scopes:
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    self._names.setdefault(node.id, []).append(node)
        return self._names.get(name, [])


def _is_misuse(tree: Tree, node: ast.expr) -> bool:
    """True if an expression stands where a coroutine is of no use, or nobody gets it."""
    match parent := tree.parents[node]:
        case ast.Expr() | ast.FormattedValue() | ast.BinOp() | ast.UnaryOp() | ast.AugAssign():
            return True
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return parent.test is node
        case ast.Compare(ops=operators):
            return not any(isinstance(each, ast.Is | ast.IsNot) for each in operators)
        case ast.Attribute(attr=name):
            return name not in _OF_COROUTINES and not name.startswith(("cr_", "__"))
        case ast.Subscript(value=value):
            return value is node
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            return parent.iter is node
        case ast.Call(func=function, keywords=[]):
            return function is not node and (
                any(_is_builtin(tree, function, name) for name in _NOT_FOR_COROUTINES)
                or _is_json_encoder(function)
            )
    return False


def _is_builtin(tree: Tree, function: ast.expr, name: str) -> bool:
    named = isinstance(function, ast.Name) and function.id == name
    return named and not tree.scopes[function].lookup(name)


def _is_json_encoder(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id="json"), attr="dumps" | "encode"):
            return True
    return False


def _is_entered_plainly(tree: Tree, call: ast.Call) -> bool:
    item = tree.parents[call]
    return isinstance(item, ast.withitem) and isinstance(tree.parents[item], ast.With)


def _blocks(callee: Callee) -> bool:
    """True if the call blocks its thread, and so fails on an event loop."""
    return callee.name == "http.request" or (
        callee.name in AWAITED and not callee.name.startswith("http.")
    )


def _blocking(call: ast.Call, callee: Callee) -> Fault:
    shown, module = _shown(call.func), callee.name.partition(".")[0]
    message = f"'{shown}' of runtime.modules.sync blocks, which an 'async def' must not"
    awaited = "" if callee.name == "http.request" else ", and await it"
    return Fault(call, message, f"import {module} from runtime.modules{awaited}")


def _unawaited(
    call: ast.Call, callee: Callee, function: FunctionNode | None, keyword: str = "await"
) -> Fault:
    shown, module = _shown(call.func), callee.name.partition(".")[0]
    if isinstance(function, ast.FunctionDef):
        message = f"'{shown}' needs '{keyword}', which a 'def' ('{function.name}') cannot have"
        return Fault(call, message, f"import {module} from runtime.modules.sync")
    message = f"'{shown}' is called without '{keyword}', so it does nothing"
    if keyword != "await":
        message = f"'{shown}' is entered without 'async'"
    return Fault(call, message, f"write '{keyword} {shown}(…)'")


def _shown(function: ast.expr) -> str:
    """The text of a function, cut where it is long."""
    text = " ".join(ast.unparse(function).split())
    return text if len(text) <= _SHOWN else f"…{text[-_SHOWN:]}"
