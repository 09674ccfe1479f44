"""Annotation: that of a handler's parameter, read as syntax."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from runtime.handlers.syntax import parse_expression
from runtime.linking.code.file import CodeFile
from runtime.linking.code.reader import CodeReader
from runtime.linking.code.scope import Assigned, Binding, Defined, Imported

Shape = Literal[
    "record", "scalar", "file", "request", "reply", "socket", "message", "logger", "unknown"
]

_MOST_STEPS = 30
_ROOTS = ("runtime.modules.", "runtime.modules.sync.")
_GIVEN: dict[str, Shape] = {
    **{f"{root}http.Request": "request" for root in _ROOTS},
    **{f"{root}http.Reply": "reply" for root in _ROOTS},
    "runtime.modules.http.WebSocket": "socket",
    **{f"{root}http.UploadFile": "file" for root in _ROOTS},
    **{f"{root}queue.Message": "message" for root in _ROOTS},
    **{f"{root}logger.Logger": "logger" for root in _ROOTS},
    "starlette.requests.Request": "request",
    "starlette.datastructures.UploadFile": "file",
}
_NAMES = ("Query", "Header", "Cookie", "Path", "Body", "Form", "File", "State")
_MARKERS = {f"{root}http.{name}": name for root in _ROOTS for name in _NAMES}
_TYPING = ("typing.", "typing_extensions.")
_SCALARS = frozenset(
    {
        *("int", "float", "str", "bool", "bytes", "uuid.UUID", "decimal.Decimal"),
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta")),
    }
)
_LISTS = frozenset(
    {"list", "set", "tuple", "frozenset"}
    | {f"typing.{name}" for name in ("List", "Set", "Tuple", "FrozenSet", "Sequence")}
    | {"collections.abc.Sequence", "collections.abc.Set"}
)
_MAPPINGS = frozenset({"dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping"})
_RECORDS = frozenset(
    {"msgspec.Struct", "pydantic.BaseModel"}
    | {f"{module}{name}" for module in _TYPING for name in ("TypedDict", "NamedTuple")}
)
_DECORATORS = frozenset(
    {"dataclasses.dataclass", "attrs.define", "attrs.frozen", "attr.s", "attr.define"}
)
_ENUMS = frozenset(f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"))


class Annotation(msgspec.Struct):
    """The markers and ids in it, the shape of the type, and its name if it is of somebody else."""

    shape: Shape = "unknown"
    path: str = ""
    """`runtime.modules.sql.Database`."""
    markers: list[tuple[str, str | None]] = []
    """Each with its name on the wire, if that is given and known."""
    ids: list[str] = []


class AnnotationReader:
    """Reads annotations, and follows names through the application's files."""

    def __init__(self, reader: CodeReader) -> None:
        self._reader = reader
        self._steps = 0

    def read(self, file: CodeFile, annotation: ast.expr) -> Annotation:
        self._steps = 0
        found = Annotation()
        found.shape = self._shape(file, annotation, found)
        return found

    def _shape(self, file: CodeFile, node: ast.expr, found: Annotation) -> Shape:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return "unknown"
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self._shape(file, parse_expression(text.strip()), found)
                except (SyntaxError, ValueError):
                    return "unknown"
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union(file, [left, right], found)
            case ast.Subscript(value=base, slice=inner):
                items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self._subscript(file, base, items, found)
            case ast.Name() | ast.Attribute():
                return self._named(file, node, found)
        return "unknown"

    def _union(self, file: CodeFile, members: Sequence[ast.expr], found: Annotation) -> Shape:
        shapes = {
            self._shape(file, each, found)
            for each in members
            if not (isinstance(each, ast.Constant) and each.value is None)
        }
        if "record" in shapes:
            return "record"
        return shapes.pop() if len(shapes) == 1 else "unknown"

    def _subscript(
        self, file: CodeFile, base: ast.expr, items: Sequence[ast.expr], found: Annotation
    ) -> Shape:
        path = self._path(file, base)
        name = path.partition(".")[2] if path and path.startswith(_TYPING) else ""
        match name:
            case "Annotated":
                for each in items[1:]:
                    self._metadata(file, each, found)
                return self._shape(file, items[0], found)
            case "Optional" | "Union":
                return self._union(file, items, found)
            case "Literal":
                return "scalar"
        if path in _MAPPINGS:
            return "record"
        if path in _LISTS:
            shapes = {self._shape(file, each, found) for each in items if not _is_ellipsis(each)}
            return (
                "record" if "record" in shapes else shapes.pop() if len(shapes) == 1 else "unknown"
            )
        return self._shape(file, base, found)

    def _metadata(self, file: CodeFile, node: ast.expr, found: Annotation) -> None:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                found.ids.append(node.value)
            return
        function = node.func if isinstance(node, ast.Call) else node
        path = self._path(file, function) or ""
        if path in _MARKERS:
            found.markers.append((_MARKERS[path], _given_name(node)))

    def _named(self, file: CodeFile, node: ast.expr, found: Annotation) -> Shape:
        path = self._path(file, node)
        if path is not None:
            found.path = found.path or path
            if path in _GIVEN:
                return _GIVEN[path]
            if path in _SCALARS:
                return "scalar"
            return "record" if path in _MAPPINGS or path in _LISTS else "unknown"
        match self._target(file, node):
            case other, Defined(node=ast.ClassDef() as cls):
                return self._class(other, cls)
            case other, Assigned(value=ast.Call(func=function, args=[_, inner])) if (
                self._path(other, function) or ""
            ).endswith(".NewType"):
                return self._shape(other, inner, found)
            case other, Assigned(value=value):
                return self._shape(other, value, found)
        return "unknown"

    def _class(self, file: CodeFile, cls: ast.ClassDef) -> Shape:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return "unknown"
        for decorator in cls.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self._path(file, called) in _DECORATORS:
                return "record"
        for base in cls.bases:
            bare = base.value if isinstance(base, ast.Subscript) else base
            path = self._path(file, bare)
            if path in _RECORDS:
                return "record"
            if path in _ENUMS:
                return "scalar"
            match self._target(file, bare):
                case other, Defined(node=ast.ClassDef() as parent):
                    shape = self._class(other, parent)
                    if shape != "unknown":
                        return shape
        return "unknown"

    def _path(self, file: CodeFile, node: ast.expr) -> str | None:
        """The dotted path of what others define, and the name of a builtin."""
        if isinstance(node, ast.Attribute):
            base = self._path(file, node.value)
            return f"{base}.{node.attr}" if base else None
        if not isinstance(node, ast.Name):
            return None
        match file.bindings(node.id):
            case []:
                return node.id
            case [Imported(path=path)] if not path.startswith("."):
                return path
        return None

    def _target(self, file: CodeFile, node: ast.expr) -> tuple[CodeFile, Binding] | None:
        """The binding of a name of the application, in this file or in another."""
        path = ""
        while isinstance(node, ast.Attribute):
            path, node = f".{node.attr}{path}", node.value
        if not isinstance(node, ast.Name):
            return None
        match file.bindings(node.id):
            case [Imported(path=origin)] if origin.startswith("."):
                return self._imported(file.path, origin + path)
            case [binding] if not path and not isinstance(binding, Imported):
                return file, binding
        return None

    def _imported(self, path: Path, read: str) -> tuple[CodeFile, Binding] | None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return None
        for target, name in self._reader.targets(path, read):
            other = self._reader.file(target)
            if other is None or name is None:
                continue
            match other.bindings(name):
                case [Imported(path=origin)] if origin.startswith("."):
                    return self._imported(target, origin)
                case [binding] if not isinstance(binding, Imported):
                    return other, binding
        return None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _given_name(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
    match [*node.args, *named]:
        case [ast.Constant(value=str(text))]:
            return text
    return None
