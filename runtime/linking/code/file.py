"""CodeFile: one Python file of the application: its functions, and the ids that they name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import msgspec

from runtime.linking.code.awaiting import Fault, faults, returned
from runtime.linking.code.calls import IDS, TOPICS, Callee, Resolver, find_calls
from runtime.linking.code.hazards import hazards
from runtime.linking.code.scope import Assigned, Binding, Defined, FunctionNode, Imported, Tree

_ANNOTATED = ("typing.Annotated", "typing_extensions.Annotated")


class Use(msgspec.Struct, frozen=True):
    """An entry that code names, by a call such as `sql.get("db")`."""

    file: Path
    node: ast.expr
    """The place of the id, or of the call."""
    callee: Callee
    id: str
    """For a function that publishes an event, its topic."""
    keywords: frozenset[str] = frozenset()
    """The arguments that are passed by name, but those of a literal None or 0."""


class Part(msgspec.Struct):
    """A function, a class or a variable of a file, with all that is inside it."""

    uses: list[Use] = []
    reads: set[str] = set()
    """Names of other parts, and dotted paths of relative imports, which begin with a dot."""
    expects_absence: bool = False
    """True if it speaks of LookupError, and so may name an entry that is not there."""
    entries: list[Use] = []
    """Entries that an `Annotated` in it names: arguments, if it is the type of a parameter."""
    is_name: bool = False
    """True if it only names something else: a variable, an import."""
    parameters: Part | None = None
    """The parameters of a function, with their annotations; not in the rest."""


class CodeFile:
    """A file as syntax. Nothing is known of one whose code is too deep to be read."""

    def __init__(self, path: Path, module: ast.Module) -> None:
        self.path = path
        self._tree = Tree(module)
        self._resolver = Resolver(self._tree)
        self._calls = [*find_calls(self._tree, self._resolver)]

    @cached_property
    def faults(self) -> list[Fault]:
        """Calls that need an `await` and have none."""
        return [*faults(self._tree, self._calls)]

    @cached_property
    def hazards(self) -> list[Fault]:
        """Calls that harm the whole program, though they may be meant."""
        return [*hazards(self._tree, self._resolver)]

    def returned(self, function: str) -> list[Fault]:
        """Such calls that a top-level `async def` returns: for a handler, whose result is last."""
        match self._tree.scope.bindings.get(function):
            case [Defined(node=ast.AsyncFunctionDef(decorator_list=[]) as node)]:
                return [*returned(self._tree, self._calls, node)]
        return []

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts of the file by name. Code that only the import runs is left out."""
        parts: dict[str, Part] = {}
        called = {id(call): callee for call, callee in self._calls}
        owners: dict[ast.AST, Part | None] = {}
        for node, scope in self._tree.scopes.items():
            parent = self._tree.parents.get(node)
            owner = owners[parent] if parent is not None else None
            names = _names(node) if owner is None and scope is self._tree.scope else ()
            for name in names:
                owner = parts.setdefault(name, owner or Part(is_name=_is_assigned(node)))
            if owner is not None and self._is_parameter(node):
                owner.parameters = owner.parameters or Part()
                owner = owner.parameters
            owners[node] = owner
            if owner is None:
                continue
            if isinstance(node, ast.Call):
                owner.uses += self._uses(node, called.get(id(node)))
            elif isinstance(node, ast.Subscript):
                owner.entries += self._entries(node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                owner.expects_absence |= node.id == "LookupError"
                owner.reads.update(self._reads(node))
        return parts

    def bindings(self, name: str) -> list[Binding]:
        """The bindings of a name at the top of the file; none for a builtin."""
        return self._tree.scope.bindings.get(name, [])

    def function(self, name: str) -> FunctionNode | None:
        """The top-level function of that name, unless decorators may have replaced it."""
        match self.bindings(name):
            case [Defined(node=ast.FunctionDef(decorator_list=[]) as node)]:
                return node
            case [Defined(node=ast.AsyncFunctionDef(decorator_list=[]) as node)]:
                return node
        return None

    def calls(self, function: FunctionNode, *names: str) -> bool:
        """True if a function calls one of these functions of `runtime.modules`."""
        return any(
            callee.name in names and self._tree.scopes[call].function is function
            for call, callee in self._calls
        )

    def imported(self, name: str) -> str | None:
        """The path from which the file imports a name relatively."""
        match self._tree.scope.bindings.get(name):
            case [Imported(path=path)] if path.startswith("."):
                return path
        return None

    def _uses(self, call: ast.Call, callee: Callee | None) -> Iterator[Use]:
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        if callee is not None and callee.name in IDS | TOPICS:
            name = "id" if callee.name in IDS else "topic"
            argument = call.args[0] if call.args else named.get(name)
            if argument is not None and (text := self._resolver.constant(argument)):
                yield Use(self.path, argument, callee, text, _given(call))
        # `partial(queue.publish, "tasks")`, `to_thread(queue.publish, "tasks", body)`
        for function, argument in zip(call.args, call.args[1:], strict=False):
            if isinstance(function, ast.Name | ast.Attribute):
                passed = self._resolver.callee(function)
                text = self._resolver.constant(argument)
                if passed is not None and passed.name in IDS | TOPICS and text:
                    yield Use(self.path, argument, passed, text)

    def _is_parameter(self, node: ast.AST) -> bool:
        """True for a parameter of a function of the file."""
        if not isinstance(node, ast.arg):
            return False
        function = self._tree.parents[self._tree.parents[node]]
        return self._tree.scopes[function] is self._tree.scope

    def _entries(self, node: ast.Subscript) -> Iterator[Use]:
        """The entry of `Annotated[sql.Database, "db"]`; a text like any other in a class."""
        if self._resolver.path(node.value) not in _ANNOTATED or not isinstance(
            node.slice, ast.Tuple
        ):
            return
        if any(isinstance(each, ast.ClassDef) for each in self._tree.ancestors(node)):
            return
        kind, *metadata = node.slice.elts
        callee = self._resolver.callee(kind) or Callee("Annotated", blocking=False)
        for each in metadata:
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield Use(self.path, each, callee, each.value)

    def _reads(self, node: ast.Name) -> Iterator[str]:
        for binding in self._tree.scopes[node].lookup(node.id):
            if isinstance(binding, Imported):
                if binding.path.startswith("."):
                    yield binding.path + self._attributes(node)
            elif isinstance(binding, Assigned | Defined):
                yield node.id

    def _attributes(self, node: ast.expr) -> str:
        """The attributes that are read of a name, with their dots."""
        text, parent = "", self._tree.parents[node]
        while isinstance(parent, ast.Attribute):
            text += f".{parent.attr}"
            parent = self._tree.parents[parent]
        return text


def _given(call: ast.Call) -> frozenset[str]:
    return frozenset(
        keyword.arg
        for keyword in call.keywords
        if keyword.arg and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    )


def _is_assigned(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign)


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a statement of a file makes a part for."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
