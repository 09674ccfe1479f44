"""Scope: the names of a Python file, and what each is bound to, read as syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import msgspec

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Imported(msgspec.Struct, frozen=True):
    """A name bound by an import, to a dotted path; a relative one begins with its dots."""

    path: str


class Assigned(msgspec.Struct, frozen=True):
    """A name bound to the value of an expression, or to what `with` makes of it."""

    value: ast.expr
    scope: Scope
    entered: ast.With | ast.AsyncWith | None = None


class Defined(msgspec.Struct, frozen=True):
    """A name bound to a function or a class."""

    node: FunctionNode | ast.ClassDef


class Annotated(msgspec.Struct, frozen=True):
    """A parameter of an `async def`, bound to a value of the type that its annotation names."""

    annotation: ast.expr


class Unknown(msgspec.Struct, frozen=True):
    """A name bound to anything: a parameter, the variable of a loop, part of a tuple."""


Binding = Imported | Assigned | Defined | Annotated | Unknown


class Scope:
    """The names that one function, class, lambda, comprehension or file binds."""

    def __init__(self, node: ast.AST, outer: Scope | None = None) -> None:
        self.node = node
        self.outer = outer
        self.bindings: dict[str, list[Binding]] = {}

    @property
    def function(self) -> FunctionNode | None:
        """The function whose code runs here; None in a file, class, lambda or generator."""
        scope = self
        while isinstance(scope.node, ast.ListComp | ast.SetComp | ast.DictComp) and scope.outer:
            scope = scope.outer
        return scope.node if isinstance(scope.node, FunctionNode) else None

    def bind(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)

    def lookup(self, name: str) -> list[Binding]:
        """Everything that the name may be bound to here; empty for a builtin or an unknown name."""
        scope: Scope | None = self
        while scope is not None:
            seen = scope is self or not isinstance(scope.node, ast.ClassDef)
            if seen and name in scope.bindings:
                return scope.bindings[name]
            scope = scope.outer
        return []


class Tree:
    """A file as syntax: each node but constants with its parent and its scope."""

    def __init__(self, module: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scope = Scope(module)
        self.scopes: dict[ast.AST, Scope] = {module: self.scope}
        """The scope of each node, parents first."""
        self.has_star = False
        """True if `from … import *` may bind any name of the file."""
        # no recursion: a long chain of `elif` is a deep tree
        waiting: list[ast.AST] = [module]
        while waiting:
            node = waiting.pop()
            scope = self.scopes[node]
            self._bind(node, scope)
            inner: Scope = scope
            outside: Sequence[ast.AST] = ()
            if isinstance(node, _SCOPES):
                inner, outside = Scope(node, scope), _evaluated_outside(node)
            for child in ast.iter_child_nodes(node):
                if isinstance(child, _LEFT_OUT):
                    continue
                self.parents[child] = node
                self.scopes[child] = scope if child in outside else inner
                waiting.append(child)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    scope.bind(name, Imported(alias.name if alias.asname else name))
            case ast.ImportFrom():
                origin = "." * node.level + (node.module or "")
                separator = "" if origin.endswith(".") else "."
                for alias in node.names:
                    path = f"{origin}{separator}{alias.name}"
                    self.has_star |= alias.name == "*"
                    scope.bind(alias.asname or alias.name, Imported(path))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                scope.bind(node.name, Defined(node))
            case ast.Name(ctx=ast.Store() | ast.Del()):
                self._bind_name(node, scope)
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if isinstance(
                scope.node, ast.AsyncFunctionDef
            ):
                scope.bind(name, Annotated(annotation))
            case ast.arg(arg=name):
                scope.bind(name, Unknown())
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for name in names:
                    each: Scope | None = scope
                    while each is not None:
                        each.bind(name, Unknown())
                        each = each.outer
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                scope.bind(name, Unknown())

    def _bind_name(self, node: ast.Name, scope: Scope) -> None:
        match parent := self.parents[node]:
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                scope.bind(node.id, Assigned(value, scope))
            case ast.withitem(context_expr=value):
                entered = self.parents[parent]
                assert isinstance(entered, ast.With | ast.AsyncWith)
                scope.bind(node.id, Assigned(value, scope, entered))
            case ast.NamedExpr():
                while isinstance(scope.node, Comprehension) and scope.outer:
                    scope = scope.outer
                scope.bind(node.id, Unknown())
            case ast.AnnAssign():
                pass  # `name: type` alone binds nothing
            case _:
                scope.bind(node.id, Unknown())


_LEFT_OUT = (
    *(ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
    ast.Constant,
)
"""Nodes without names: some are one for all places, constants are most of a file of data."""

_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def _evaluated_outside(node: ast.AST) -> Sequence[ast.AST]:
    """The children of a node with a scope of its own that are evaluated in the scope around it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*node.decorator_list, *filter(None, [node.returns])]
        case ast.ClassDef():
            return [*node.decorator_list, *node.bases, *node.keywords]
        case _:
            return ()
