"""http.router: endpoints under one prefix, behind one row of middleware."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import msgspec

from runtime.clock import REAL, Clock
from runtime.engines.web import middleware
from runtime.engines.web.middleware import BrokenMiddleware, OptionError, UnknownMiddleware
from runtime.engines.web.route_path import normal_prefix
from runtime.engines.web.routes import Group, Middleware, Route
from runtime.findings.finding import Problem
from runtime.findings.suggestion import did_you_mean
from runtime.kind import BuildContext, Expected, Kind, Linked, StartError
from runtime.kinds.http import Guard, Part, Server
from runtime.loggers import logger
from runtime.schema.field import Field
from runtime.schema.schema import FOLDER, Schema
from runtime.schema.schema import load as load_schema

_log = logger("runtime.http")


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    server: Server


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    prefix: str
    middleware: list[Any]
    """Names, and `http.middleware` entries."""
    options: dict[str, Any] | None
    guards: list[Guard]


class Router:
    """The endpoints and the applications that refer to it, as routes of one group."""

    def __init__(self, config: Config, context: BuildContext) -> None:
        chain = build_chain(config.middleware, config.options or {}, context.clock)
        if chain.problems:
            raise StartError(chain.problems[0].message)
        for notice in chain.notices:
            _log.info("%s: %s", context.id, notice, extra={"entry": context.id})
        self.group = Group(
            prefix=normal_prefix(config.prefix),
            middleware=chain.middleware,
            name=str(context.id),
        )
        self.guards = config.guards
        self._parts: Sequence[Route | Part] = ()

    def compose(self, parts: Sequence[Route | Part]) -> None:
        self._parts = parts

    def routes(self) -> Iterator[Route]:
        for part in self._parts:
            if isinstance(part, Route):
                yield part
            else:
                yield from part.routes()


class Chain(NamedTuple):
    """Middleware by name, outermost first, and what is wrong with its names and options."""

    middleware: dict[str, Middleware]
    problems: list[Problem]
    notices: list[str]
    """Lines for the log at the start, about options that are left to their defaults."""


def build_chain(names: Sequence[Any], options: Mapping[str, Any], clock: Clock = REAL) -> Chain:
    """Build middleware by name, each with the options that its schema declares.

    Among the names may be entries, which have theirs, and ids of entries, which are left out.

    Paths of the problems start at the entry: `("middleware", 0)`, `("options", "cors.max.age")`.
    """
    chain = Chain({}, [], [])
    spellings: dict[str, str] = {}
    complete = True
    for index, name in enumerate(names):
        if not isinstance(name, str):
            chain.middleware[str(name.id)] = name.wrap
            continue
        if ":" in name:
            continue
        try:
            module, schema = middleware.load(name), _schema(name)
        except UnknownMiddleware:
            known = middleware.names()
            message = f"'middleware[{index}]' is '{name}', not one of {', '.join(known)}"
            hint = did_you_mean(name, known) or "an entry is named with its namespace: 'app:name'"
            problem = Problem(("middleware", index), message, hint)
            chain.problems.append(problem)
            complete = False
            continue
        except BrokenMiddleware as error:
            chain.problems.append(Problem(("middleware", index), str(error)))
            complete = False
            continue
        own = _spellings(schema.field)
        spellings |= own
        # Reversed, so that of several spellings the preferred one counts.
        written = {option: key for key, option in reversed(own.items()) if key in options}
        given = {
            option: _typed(options[key], schema.field.properties[option])
            for option, key in written.items()
        }
        problems = schema.problems(given)
        chain.problems.extend(_relocated(problem, written) for problem in problems)
        if problems:
            continue
        filled = schema.field.fill(given, str)
        try:
            chain.middleware[name] = module.build(filled, clock)
        except OptionError as error:
            path = ("options", written.get(error.option, error.option))
            chain.problems.append(Problem(path, str(error)))
            continue
        if (describe := getattr(module, "notice", None)) and (text := describe(given, filled)):
            chain.notices.append(text)
    if complete:  # otherwise an option may well be one of the missing middleware
        unknown = [key for key in options if key not in spellings]
        chain.problems.extend(_unknown(key, spellings) for key in unknown)
    return chain


@cache
def _schema(name: str) -> Schema:
    """Schema of a middleware's options. Raises BrokenMiddleware."""
    if middleware.is_built_in(name):
        return Schema(load_schema(FOLDER / "middleware" / f"{name}.schema.json"))
    document: Any = getattr(middleware.load(name), "schema", None)
    from jsonschema import Draft202012Validator  # takes 48 ms, needed only for foreign schemas

    try:
        Draft202012Validator.check_schema(document)
        return Schema(document)
    except Exception as error:  # a foreign schema may be wrong in any way
        raise BrokenMiddleware(f"the middleware '{name}' has no valid schema: {error}") from error


def _spellings(field: Field) -> dict[str, str]:
    """Every name that a manifest may use for an option, and the option, the preferred name first.

    `cors.allow.origins` may be written `cors_allow_origins`, and by the names in `x-older`.
    """
    return {
        spelling: name
        for name, inner in field.properties.items()
        for spelling in (name, name.replace(".", "_"), *inner.schema.get("x-older", ()))
    }


def _typed(value: Any, field: Field) -> Any:
    """The value in its schema's type, if it is written as text: `"60"`, `"true"`, `"a, b"`."""
    if not isinstance(value, str) or "string" in field.types:
        return value.strip() if isinstance(value, str) else value
    text = value.strip()
    if "array" in field.types:
        return [part.strip() for part in text.split(",") if part.strip()]
    if "boolean" in field.types:
        return {"true": True, "false": False}.get(text.lower(), text)
    if "integer" in field.types:
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _relocated(problem: Problem, written: Mapping[str, str]) -> Problem:
    """A problem of a middleware's options as one of the entry, with the name that was written."""
    if not problem.path or str(problem.path[0]) not in written:  # one that is missing
        return msgspec.structs.replace(problem, path=("options",))
    name = str(problem.path[0])
    message = f"option {problem.message.replace(name, written[name], 1)}"
    path = ("options", written[name], *problem.path[1:])
    return msgspec.structs.replace(problem, path=path, message=message)


def _unknown(key: str, spellings: Mapping[str, str]) -> Problem:
    """The problem of an option that none of the router's middleware has."""
    for name in middleware.names():
        with suppress(BrokenMiddleware):
            if key in _spellings(_schema(name).field):
                message = f"no middleware here has the option '{key}'"
                return Problem(("options", key), message, f"list '{name}' in 'middleware'")
    hint = did_you_mean(key, spellings)
    return Problem(("options", key), f"unknown field '{key}'", hint, at_key=True)


def check(entry: Linked) -> Iterable[Problem]:
    return build_chain(entry.fields["middleware"], entry.fields["options"] or {}).problems


def expand_schema(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The router's schema with the names and options of all installed middleware."""
    names: list[str] = []
    options: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name in middleware.names():
        names.append(name)
        try:
            schema = _schema(name)
        except BrokenMiddleware:
            continue
        definitions |= schema.document["$defs"]
        for option, written in schema.document.get("properties", {}).items():
            options[option] = _also_as_text(written)
        for spelling, option in _spellings(schema.field).items():
            description = f"An older name of `{option}`."
            options.setdefault(spelling, {**options[option], "description": description})
    properties = document["properties"]
    return {
        **document,
        "$defs": {**definitions, **document["$defs"]},
        "properties": {
            **properties,
            "middleware": {**properties["middleware"], "items": _items(properties, names)},
            "options": {
                **properties["options"],
                "additionalProperties": False,
                "properties": options,
            },
        },
    }


def _items(properties: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """The schema of one middleware: a name of those that are installed, or an id."""
    written = properties["middleware"]["items"]
    return {**written, "anyOf": [{"enum": names}, {"type": "string", "pattern": ":"}]}


def _also_as_text(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An option's schema as a manifest may write it: any type may also be text."""
    loose = {key: value for key, value in schema.items() if key != "x-older"}
    match schema.get("type"):
        case "boolean":
            del loose["type"]
            loose["enum"] = [True, False, "true", "false"]
        case "integer" | "array" as own:
            loose["type"] = [own, "string"]
    return loose


kind = Kind(
    "http.router",
    Config,
    Router,
    check=check,
    expected=Expected(
        ("http.endpoint", "http.websocket", "http.mount"), "no endpoint is on this router"
    ),
    compose=Router.compose,
    expand_schema=expand_schema,
)
