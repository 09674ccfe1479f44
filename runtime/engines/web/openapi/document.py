"""Document: an OpenAPI 3.1 document of a server's routes."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime.engines.web.openapi.parameters import (
    BESIDE_BODY,
    DECODED,
    describe_body,
    describe_parameters,
)
from runtime.engines.web.openapi.responses import (
    PROBLEM,
    Answer,
    describe_problems,
    describe_responses,
    read_answer,
    stream,
)
from runtime.engines.web.openapi.schemas import Schemas
from runtime.engines.web.openapi.settings import Info
from runtime.engines.web.openapi.statuses import Statuses, read_statuses
from runtime.engines.web.operation import Operation
from runtime.engines.web.request import Request
from runtime.engines.web.route_path import PARAMETER, shape
from runtime.engines.web.routes import Route
from runtime.handlers.arguments.hints import innermost
from runtime.handlers.arguments.signature import Parameter, Signature

VERSION = "3.1.1"
_UNLISTED = frozenset({"HEAD"})
_LIMITS = {"ratelimit": 429}
"""The statuses with which middleware may respond, by its name."""


class _Described(msgspec.Struct, frozen=True, eq=False):
    """A route with what its function and its signature tell."""

    route: Route
    operation: Operation
    signature: Signature
    parameters: Sequence[Parameter]
    """Those of the function, then those of the guards."""
    answer: Answer
    statuses: Statuses


def describe(routes: Iterable[Route], info: Info, folder: Path) -> dict[str, Any]:
    """The document of the routes that are operations; files and mounts are not.

    `folder` is the application's: places in the code are given relative to it.
    """
    listed = [*_listed(routes)]
    files = Counter(each.operation.function.__module__ for each in listed)
    schemas = Schemas(_types(listed))
    ids = _operation_ids([each.operation for each in listed])
    paths: dict[str, dict[str, Any]] = {}
    schemes: dict[str, Any] = {}
    problems: set[int] = set()
    for path, each in _by_path(listed):
        errors = _errors(each)
        problems |= errors | each.statuses.raised
        described = {
            "operationId": ids[each.operation.entry],
            **_documentation(each, folder, files),
            **_request(path, each, schemas),
            "responses": describe_responses(each.answer, each.statuses, errors, schemas),
        }
        if security := _security(each.route, schemes):
            described["security"] = [security]
        bare = PARAMETER.sub(r"{\1}", path)
        paths.setdefault(bare, {})[each.route.method.lower()] = described
    tags = sorted({tag for each in listed for tag in each.operation.tags})
    # An application may have a class of this name.
    name = "ProblemDetails" if "Problem" in schemas.components else "Problem"
    components = {
        "schemas": {**schemas.components, name: PROBLEM},
        "responses": describe_problems(problems, name),
    }
    return {
        "openapi": VERSION,
        "info": {"title": info.title, "version": info.version},
        **({"servers": [{"url": url} for url in info.servers]} if info.servers else {}),
        "paths": paths,
        "components": {**components, **({"securitySchemes": schemes} if schemes else {})},
        "tags": [{"name": tag} for tag in tags],
    }


def _listed(routes: Iterable[Route]) -> Iterator[_Described]:
    for route in routes:
        if route.operation is None or route.signature is None or route.method in _UNLISTED:
            continue
        signature = route.signature
        stream_type = route.operation.stream_type
        answer = read_answer(signature.returns) if stream_type is None else stream(stream_type)
        statuses = _all_statuses(route, route.operation)
        parameters = [*_all_parameters(route, signature)]
        yield _Described(route, route.operation, signature, parameters, answer, statuses)


def _all_parameters(route: Route, signature: Signature) -> Iterator[Parameter]:
    """The parameters of the function, and what its guards read of the request besides."""
    yield from signature.parameters
    taken = {(each.location, each.alias) for each in signature.parameters}
    for guard in route.guards:
        own: Signature | None = getattr(guard, "signature", None)
        for each in own.at(*BESIDE_BODY) if own is not None else ():
            if (each.location, each.alias) not in taken:
                taken.add((each.location, each.alias))
                yield each


def _all_statuses(route: Route, operation: Operation) -> Statuses:
    """The statuses of the function, and those with which its guards refuse."""
    own = read_statuses(operation.function)
    functions = [getattr(guard, "function", None) for guard in route.guards]
    refused = [read_statuses(each).raised for each in functions if each is not None]
    return Statuses(own.always, own.set, own.raised.union(*refused))


def _types(listed: Sequence[_Described]) -> Iterator[Any]:
    for each in listed:
        for parameter in each.parameters:
            if parameter.location in DECODED and not parameter.is_file:
                yield parameter.type
        if each.answer.json is not inspect.Parameter.empty:
            yield each.answer.json


def _by_path(listed: Sequence[_Described]) -> Iterator[tuple[str, _Described]]:
    """Each with its path as the document names it.

    Paths that differ in the names of their parameters are one path in OpenAPI: the first one's
    names are taken. One that differs in `{rest...}` from `{rest}` gets another name.
    """
    paths: dict[str, str] = {}
    taken: dict[str, str] = {}
    for each in listed:
        form = shape(each.route.path)
        if form not in paths:
            path = each.route.path
            while taken.setdefault(PARAMETER.sub(r"{\1}", path), form) != form:
                path = PARAMETER.sub(r"{\1_\2}", path)
            paths[form] = path
        yield paths[form], each


def _operation_ids(operations: Sequence[Operation]) -> Mapping[Any, str]:
    """The names of the entries, with their namespaces where two have the same."""
    names = Counter(each.entry.name for each in operations)
    return {
        entry: entry.name if names[entry.name] == 1 else f"{entry.namespace}.{entry.name}"
        for entry in (each.entry for each in operations)
    }


def _documentation(each: _Described, folder: Path, files: Mapping[str, int]) -> dict[str, Any]:
    """Summary and description from the docstring, tags, and the place of the function.

    A function without a docstring that is alone in its file has that of the file.
    """
    function, signature = each.operation.function, each.signature
    summary, description = signature.summary, signature.description
    module = sys.modules.get(function.__module__)
    if not summary and module is not None and files[function.__module__] == 1:
        summary, _, description = (inspect.getdoc(module) or "").partition("\n")
    found = {
        "summary": summary.strip(),
        "description": description.strip(),
        "tags": [*each.operation.tags],
        "x-source": _place(function, folder),
    }
    return {key: value for key, value in found.items() if value}


def _place(function: Any, folder: Path) -> str:
    """`notes.py:12`, relative to the application's folder; empty for a function outside of it."""
    code = getattr(innermost(function), "__code__", None)
    if code is None:
        return ""
    file = Path(code.co_filename)
    for around in (folder, folder.resolve()):
        if file.is_relative_to(around):
            return f"{file.relative_to(around)}:{code.co_firstlineno}"
    return ""


def _request(path: str, each: _Described, schemas: Schemas) -> dict[str, Any]:
    names = [name for name, _ in PARAMETER.findall(path)]
    own = [name for name, _ in PARAMETER.findall(each.route.path)]
    renamed = dict(zip(own, names, strict=True))
    parameters = [
        replace(parameter, alias=renamed.get(parameter.alias, parameter.alias))
        if parameter.location == "path"
        else parameter
        for parameter in each.parameters
    ]
    reads_request = not each.signature.typed or any(
        parameter.location == "given" and parameter.type is Request for parameter in parameters
    )
    described = [*describe_parameters(path, parameters, schemas)]
    body = describe_body(each.route.method, parameters, schemas, reads_request)
    return {
        **({"parameters": described} if described else {}),
        **({"requestBody": body} if body else {}),
    }


def _errors(each: _Described) -> set[int]:
    """The statuses with which the server may refuse a request before the function is called."""
    found = {_LIMITS[name] for name in each.route.group.middleware if name in _LIMITS}
    if each.operation.has_timeout:
        found.add(504)
    locations = {parameter.location for parameter in each.parameters}
    if not locations.isdisjoint(DECODED):
        found.add(422)
    if locations & {"body", "form"}:
        found |= {400, 413}
    if any(guard.security for guard in each.route.guards):
        found.add(401)
    return found


def _security(route: Route, schemes: dict[str, Any]) -> dict[str, list[str]]:
    """The demands of all guards of a route together; adds their schemes to `schemes`."""
    demanded: dict[str, list[str]] = {}
    for guard in route.guards:
        scheme = guard.security
        if scheme:
            name = guard.id.name
            if schemes.get(name, scheme) != scheme:
                name = f"{guard.id.namespace}.{name}"
            schemes[name] = scheme
            demanded[name] = []
    return demanded
