"""http.endpoint: one method on one path, answered by a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, get_args, get_origin

import msgspec
from starlette.responses import Response

from runtime import codec
from runtime.engines.web.arguments import BODILESS, LOCATIONS, caller, no_body
from runtime.engines.web.arguments import Arguments as RequestArguments
from runtime.engines.web.deadline import with_deadline
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.guard import bound, guarded
from runtime.engines.web.operation import Operation
from runtime.engines.web.route_path import normal_prefix, parameter_names, repeated_parameter, shape
from runtime.engines.web.routes import Handler, Route
from runtime.engines.web.streaming import FORMATS, Streaming
from runtime.findings.finding import Problem
from runtime.handlers.arguments.result import result_check
from runtime.handlers.arguments.shape import bare, is_union
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.kind import Arguments, BuildContext, Claim, Generator, Kind, Linked, Sources
from runtime.kinds.function import Described, Function, Generating
from runtime.kinds.http import Guard, Router

_PLAIN = frozenset({bool, int, float, tuple, set, frozenset})
"""Types of values that a handler has to announce: as a result of any other, they are a mistake."""


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    router: Router
    tags: list[str] | None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    meta: Meta
    method: str
    path: str
    func: Function
    answer: str
    guards: list[Guard]
    timeout: float | None


def build(config: Config, context: BuildContext) -> Route:
    router = config.meta.router
    group = router.group
    path, name = group.prefix + config.path, str(config.func.id)
    guards = bound((*router.guards, *config.guards), config.method, path)
    handler, signature = _handler(config, path, context)
    handler = guarded(handler, guards)
    if config.timeout is not None:
        route = f"{config.method} {path}"
        handler = with_deadline(handler, config.timeout, context.clock, route, name)
    return Route(
        method=config.method,
        path=path,
        handler=handler,
        group=group,
        name=name,
        signature=signature,
        guards=guards,
        operation=_operation(config, context),
    )


def _operation(config: Config, context: BuildContext) -> Operation | None:
    """The endpoint as documents list it, by its own tags or under the name of its router.

    None if its function does not tell what it is.
    """
    if not isinstance(config.func, Described):
        return None
    tags = config.meta.tags
    if tags is None:
        tags = [config.meta.router.group.name.rpartition(":")[2]]
    return Operation(
        entry=context.id,
        function=config.func.function,
        tags=tuple(dict.fromkeys(tags)),
        has_timeout=config.timeout is not None,
        stream_type=FORMATS[config.answer].media_type if config.answer in FORMATS else None,
    )


def _handler(config: Config, path: str, context: BuildContext) -> tuple[Handler, Signature | None]:
    """Choose once how the function is called, so that requests need not."""
    function, method = config.func, config.method
    if not isinstance(function, Described):
        return _untyped(function), None
    names, namespace = parameter_names(path), function.id.namespace
    by = caller(method, path, names, namespace, blocking=function.blocking)
    signature = function.signature(by)
    if config.answer in FORMATS and isinstance(function, Generating):
        return _stream(config, function, signature, by, context), signature
    handler = (
        RequestArguments(signature, by, context.scope).handler(function.call)
        if signature.typed
        else _untyped(function)
    )
    check = result_check(signature) if context.scope.checks_results else None
    if check is not None:
        handler = _with_check(handler, check)
    return (_as_json(handler) if _has_plain(signature.returns) else handler), signature


def _stream(
    config: Config, function: Generating, signature: Signature, by: Caller, context: BuildContext
) -> Handler:
    has_body = config.method not in BODILESS and not signature.at("body", "form")
    streaming = Streaming(
        function.generate,
        FORMATS[config.answer],
        context.clock,
        has_timeout=config.timeout is not None,
        reads_body=has_body,
    )
    if signature.typed:
        return RequestArguments(signature, by, context.scope).handler(streaming.call)
    if function.takes_argument:
        return lambda exchange: streaming.call(exchange, exchange.request)
    return streaming.call


def _has_plain(returns: Any) -> bool:
    """True for an annotation of values that are no response by themselves: `int`, `int | None`."""
    returns = bare(returns)
    if is_union(returns):
        return any(map(_has_plain, get_args(returns)))
    kind = get_origin(returns) or returns
    return any(kind is plain for plain in _PLAIN)


def _as_json(handler: Handler) -> Handler:
    """Answer with a number or the like as JSON: unannotated, it is more likely a mistake."""

    async def call(exchange: Exchange) -> Any:
        value = await handler(exchange)
        if type(value) not in _PLAIN:
            return value
        return Response(codec.encode_response(value), media_type="application/json")

    return call


def _with_check(handler: Handler, check: Callable[[Any], None]) -> Handler:
    async def call(exchange: Exchange) -> Any:
        value = await handler(exchange)
        builder = exchange.builder
        is_built = builder is not None and (value is None or value is builder)
        if not is_built and not isinstance(value, Response):
            check(value)
        return value

    return call


def _untyped(function: Function) -> Handler:
    async def blocking(exchange: Exchange) -> Any:
        request = await exchange.read()
        arguments = (request,) if function.takes_argument else ()
        return await function.call(exchange, *arguments)

    def with_request(exchange: Exchange) -> Awaitable[Any]:
        return function.call(exchange, exchange.request)

    if function.blocking:
        return blocking
    return with_request if function.takes_argument else function.call


def check(entry: Linked) -> Iterable[Claim | Arguments | Problem]:
    router = entry.follow("meta", "router")
    prefix = normal_prefix(router.fields["prefix"]) if router else ""
    path, method = prefix + entry.fields["path"], entry.fields["method"]
    sources = _sources(entry, router, path, method)
    yield Arguments(
        ("func",),
        0,
        1,
        "an endpoint",
        by_annotation=True,
        sources=sources,
        generator=_generator(entry.fields["answer"]),
    )
    if name := repeated_parameter(entry.fields["path"]):
        yield Problem(("path",), f"the path has the parameter '{name}' twice", "rename one of them")
    server = router.follow("meta", "server") if router else None
    if server:
        yield Claim(server.id, f"{method} {path}", ("path",), key=f"{method} {shape(path)}")


def _generator(answer: str) -> Generator:
    if answer in FORMATS:
        return Generator(wanted=f"answer: {answer}", path=("answer",))
    return Generator(hint="write 'answer: sse', or 'answer: lines', at the endpoint")


def _sources(entry: Linked, router: Linked | None, path: str, method: str) -> Sources:
    # a guard may read the path too, and a `{rest...}` may be there to be ignored
    has_guards = entry.fields["guards"] or (router and router.fields["guards"])
    return Sources(
        caller=f"{method} {path}",
        locations=LOCATIONS,
        given=frozenset({"request", "reply", "logger"}),
        path=parameter_names(path),
        path_field=() if has_guards or path.endswith("...}") else ("path",),
        no_body=no_body(method),
    )


kind = Kind("http.endpoint", Config, build, check=check)
