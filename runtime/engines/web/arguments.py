"""Arguments: calls a handler with what it asks for by its annotations, decoded and checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.requests import Request as StarletteRequest

from runtime.codec import InvalidJSON
from runtime.engines.web.blocking_request import BlockingRequest
from runtime.engines.web.blocking_upload import BlockingUpload
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.refusal import Refusal
from runtime.engines.web.request import Request
from runtime.engines.web.response_builder import ResponseBuilder
from runtime.engines.web.routes import Handler
from runtime.engines.web.text_sources import TextSources
from runtime.handlers.arguments import hints, shape
from runtime.handlers.arguments.document import document
from runtime.handlers.arguments.faults import Unfit
from runtime.handlers.arguments.given import GIVEN, Getter, getters
from runtime.handlers.arguments.signature import EMPTY, Caller, Parameter, Signature
from runtime.handlers.arguments.texts import Texts
from runtime.handlers.context import ApplicationContext

if TYPE_CHECKING:
    from runtime.engines.web.form_source import FormSource

TEXTS = ("path", "query", "header", "cookie")
LOCATIONS = frozenset({*TEXTS, "body", "form", "state"})
BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})
"""Methods whose requests have no body."""


def _request(exchange: Exchange) -> Any:
    return exchange.request


def _blocking_request(exchange: Exchange) -> Any:
    return exchange.blocking_request


def _response(exchange: Exchange) -> Any:
    return exchange.response


_GIVEN: Mapping[type, Getter] = {**GIVEN, ResponseBuilder: _response}
_ASYNC: Mapping[type, Getter] = {**_GIVEN, Request: _request, StarletteRequest: _request}
_BLOCKING: Mapping[type, Getter] = {
    **_GIVEN,
    **dict.fromkeys((Request, StarletteRequest, BlockingRequest), _blocking_request),
}
_FOREIGN: Mapping[type, str] = {
    BlockingRequest: "in an 'async def', import http from runtime.modules, not from its 'sync'"
}


def no_body(method: str) -> str:
    """The reason why requests of a method have no body; empty if they have one."""
    return f"a {method} has none" if method in BODILESS else ""


def caller(
    method: str, path: str, parameters: Sequence[str], namespace: str, *, blocking: bool
) -> Caller:
    """The caller of a handler for one method on a path that has these parameters."""
    return Caller(
        name=f"{method} {path}",
        namespace=namespace,
        locations=LOCATIONS,
        path=tuple(parameters),
        blocking=blocking,
        given=_BLOCKING if blocking else _ASYNC,
        foreign={} if blocking else _FOREIGN,
        files=(UploadFile, BlockingUpload),
        no_body=no_body(method),
    )


class Arguments:
    """Fills the parameters of one handler from requests."""

    def __init__(
        self,
        signature: Signature,
        by: Caller,
        scope: ApplicationContext,
        *,
        reads_body: bool = True,
    ) -> None:
        """Raises StartError, with the place of the handler, for a type that nothing is made of.

        Without `reads_body`, the body is read for a parameter alone that is made of it: a plain
        `def` gets a request without one.
        """
        self._blocking = by.blocking
        self._parameters = {each.name: each for each in signature.parameters}
        self._defaults = [each.default for each in signature.parameters]
        places = {each.name: index for index, each in enumerate(signature.parameters)}
        texts, forms = signature.at(*TEXTS), signature.at("form")
        self._body = next(iter(signature.at("body")), None)
        self._reads_body = reads_body or self._body is not None or bool(forms)
        try:
            self._texts = Texts(texts) if texts else None
            self._form = _form_source(forms, blocking=self._blocking) if forms else None
            self._decode = None if self._body is None else _decoder(self._body)
        except (TypeError, NameError) as error:
            raise hints.unusable(signature.place, error) from error
        self._sources = TextSources(texts)
        self._text_places = [places[each.name] for each in texts]
        self._body_place = places[self._body.name] if self._body else -1
        self._places = places
        states = ((places[each.name], _state_getter(each)) for each in signature.at("state"))
        self._getters = [*getters(signature, by, scope), *states]

    def handler(self, call: Callable[..., Awaitable[Any]]) -> Handler:
        """The way to call a function, chosen once so that requests need not choose."""
        decode = self._decode

        async def with_body(exchange: Exchange) -> Any:
            data = await exchange.request.body()
            try:
                body = decode(data)  # type: ignore[misc]
            except (Unfit, InvalidJSON) as error:
                refusal = Refusal(self._parameters)
                refusal.add_body(error)
                raise refusal.error() from None
            return await call(exchange, body)

        async def with_all(exchange: Exchange) -> Any:
            return await call(exchange, *await self.fill(exchange))

        def without_body(exchange: Exchange) -> Awaitable[Any]:
            arguments = [*self._defaults]
            self._fill_texts(exchange, arguments, None)
            for place, get in self._getters:
                arguments[place] = get(exchange)
            return call(exchange, *arguments)

        if self._blocking or self._form is not None:
            return with_all
        if decode is None:
            return without_body
        return with_body if len(self._places) == 1 else with_all

    async def fill(self, exchange: Exchange) -> Sequence[Any]:
        """The arguments in the order of the parameters.

        Raises `HTTPError` 422 with all faults of the request, and 400, 413 and 415 for what is no
        JSON document or no form at all.
        """
        arguments = [*self._defaults]
        refusal = Refusal(self._parameters)
        if self._blocking:
            await exchange.read() if self._reads_body else exchange.bodiless_request
        self._fill_texts(exchange, arguments, refusal)
        if self._decode is not None:
            data = (
                exchange.blocking_request.body()
                if self._blocking
                else await exchange.request.body()
            )
            try:
                arguments[self._body_place] = self._decode(data)
            except (Unfit, InvalidJSON) as error:
                refusal.add_body(error)
        if self._form is not None:
            try:
                for name, value in (await self._form.read(exchange)).items():
                    arguments[self._places[name]] = value
            except Unfit as error:
                refusal.add(error)
        if refusal.errors:
            raise refusal.error()
        for place, get in self._getters:
            arguments[place] = get(exchange)
        return arguments

    def _fill_texts(
        self, exchange: Exchange, arguments: list[Any], refusal: Refusal | None
    ) -> None:
        """Adds the faults to `refusal`; without one, raises `HTTPError` 422 at once."""
        if self._texts is None:
            return
        try:
            values = self._texts.convert(self._sources.collect(exchange))
        except Unfit as error:
            if refusal is None:
                refusal = Refusal(self._parameters)
                refusal.add(error)
                raise refusal.error() from None
            refusal.add(error)
            return
        for place, value in zip(self._text_places, values, strict=True):
            arguments[place] = value


def _form_source(parameters: Sequence[Parameter], *, blocking: bool) -> FormSource:
    from runtime.engines.web.form_source import FormSource  # few applications have forms

    return FormSource(parameters, blocking=blocking)


def _decoder(body: Parameter) -> Callable[[bytes], Any]:
    """Decodes a body; raises InvalidJSON, Unfit, and `HTTPError` 400 if there is none."""
    if shape.without_none(body.type) is bytes:
        return bytes
    try:
        decode = document(body.type).decode
    except (TypeError, NameError) as error:
        raise TypeError(f"the parameter '{body.name}': {error}") from None
    if body.required:

        def required(data: bytes) -> Any:
            if not data:
                raise HTTPError(400, "the body is empty; send a JSON document")
            return decode(data)

        return required
    return lambda data: decode(data) if data else body.default


def _state_getter(parameter: Parameter) -> Getter:
    name, default = parameter.alias, parameter.default

    def get(exchange: Exchange) -> Any:
        value = exchange.scope.get("state", {}).get(name, default)
        if value is EMPTY:
            raise LookupError(
                f"'request.state' has no '{name}'; have a guard or a middleware set it, "
                "or give the parameter a default"
            )
        return value

    return get
