"""Guard: decides if a request may reach a handler, before its body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from starlette.responses import Response

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.entry_id import EntryId


class Guard(Protocol):
    """Lets requests pass, or answers them itself."""

    @property
    def id(self) -> EntryId:
        """The id of its entry."""
        ...

    @property
    def security(self) -> Mapping[str, Any] | None:
        """The security scheme of OpenAPI that it stands for; None for one that has none."""
        ...

    def check(self, exchange: Exchange) -> Awaitable[Response | None]:
        """Return None to let the request pass, a response to answer it.

        Raises HTTPError to refuse it. Anything else that it raises is a failure of the guard.
        """
        ...


@runtime_checkable
class Bindable(Guard, Protocol):
    """A guard whose function may ask for parameters of a route's path."""

    def at(self, method: str, path: str) -> Guard:
        """The guard as one route has it. Raises StartError if its function does not fit there."""
        ...


def bound(guards: Iterable[Guard], method: str, path: str) -> tuple[Guard, ...]:
    """The guards of one route, each once."""
    return tuple(
        guard.at(method, path) if isinstance(guard, Bindable) else guard
        for guard in dict.fromkeys(guards)
    )


def guarded(
    handler: Callable[[Exchange], Awaitable[Any]], guards: Sequence[Guard]
) -> Callable[[Exchange], Awaitable[Any]]:
    """Put guards before a handler, to be asked in order. Returns the handler if there are none."""
    if not guards:
        return handler
    checks = [(guard.check, str(guard.id)) for guard in guards]

    async def call(exchange: Exchange) -> Any:
        for check, name in checks:
            try:
                answer = await check(exchange)
            except BaseException:  # a cancellation too: the log names whoever took too long
                exchange.failed_in = name
                raise
            if answer is not None:
                return answer
        return await handler(exchange)

    return call


def verdict(value: object) -> Response | None:
    """The decision in the return value of a guard's function.

    None and True let the request pass, a response answers it. Raises HTTPError 403 for False, and
    TypeError for anything else.
    """
    if value is None or value is True:
        return None
    if isinstance(value, Response):
        return value
    if value is False:
        raise HTTPError(403, "you may not do this")
    raise TypeError(
        f"the guard returned a value of type {type(value).__name__}; return None or True to let "
        "the request pass, False or an http.Response to answer it, and leave values in "
        "request.state"
    )
