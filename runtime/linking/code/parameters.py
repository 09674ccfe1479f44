"""Parameters: those of a handler's function, each with its annotation read as syntax."""

from __future__ import annotations

import ast

import msgspec

from runtime.linking.code.annotation import Annotation, AnnotationReader
from runtime.linking.code.file import CodeFile
from runtime.linking.code.scope import FunctionNode


class FoundParameter(msgspec.Struct, frozen=True):
    """One parameter."""

    name: str
    node: ast.arg
    annotation: Annotation
    has_default: bool

    @property
    def place(self) -> ast.expr:
        """The node at which findings about it are."""
        return self.node.annotation or ast.Name(
            id=self.name, lineno=self.node.lineno, col_offset=self.node.col_offset
        )


def parameters(
    file: CodeFile, function: FunctionNode, reader: AnnotationReader
) -> list[FoundParameter]:
    """The parameters that a caller fills, `*args` and `**kwargs` aside."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    without = len(named) - len(arguments.defaults)
    found = [(each, index >= without) for index, each in enumerate(named)]
    found += [
        (each, default is not None)
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return [
        FoundParameter(
            node.arg,
            node,
            Annotation() if node.annotation is None else reader.read(file, node.annotation),
            has_default,
        )
        for node, has_default in found
    ]
