"""Arguments: calls a consumer's handler with what it asks for by its annotations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_args, get_origin

from runtime.codec import InvalidJSON
from runtime.engines.queue.blocking import BlockingDelivery
from runtime.engines.queue.body import InvalidBody
from runtime.engines.queue.delivery import Delivery
from runtime.handlers.arguments import hints, shape
from runtime.handlers.arguments.document import document
from runtime.handlers.arguments.faults import Unfit
from runtime.handlers.arguments.given import GIVEN, Getter, getters
from runtime.handlers.arguments.signature import Caller, Signature
from runtime.handlers.context import ApplicationContext
from runtime.handlers.function import Described, Function


def _delivery(delivery: Delivery) -> Any:
    return delivery


_MESSAGES = (Delivery, BlockingDelivery)
_ASYNC: Mapping[type, Getter] = {**GIVEN, Delivery: _delivery}
_BLOCKING: Mapping[type, Getter] = {**GIVEN, **dict.fromkeys(_MESSAGES, BlockingDelivery)}
_FOREIGN: Mapping[type, str] = {
    BlockingDelivery: "in an 'async def', import queue from runtime.modules, not from its 'sync'"
}


def message_arguments(function: Function, scope: ApplicationContext) -> Arguments | None:
    """The arguments of a consumer's handler; None if it gets the body as it is."""
    if function.blocking:
        return _arguments("a consumer", function, scope, _BLOCKING, {})
    return _arguments("a consumer", function, scope, _ASYNC, _FOREIGN)


def batch_arguments(function: Function, scope: ApplicationContext) -> Arguments | None:
    """The same for a handler that gets the bodies of several messages as a list."""
    several = "a batch has several; write 'queue.messages()'"
    foreign = dict.fromkeys(_MESSAGES, several)
    return _arguments("a consumer with 'batch'", function, scope, GIVEN, foreign, of_batch=True)


def run_arguments(function: Function, scope: ApplicationContext) -> Arguments | None:
    """The same for a function that a schedule calls itself: it has a body, and no message."""
    foreign = dict.fromkeys(_MESSAGES, "name a 'queue' for one")
    return _arguments("a schedule", function, scope, GIVEN, foreign)


def _arguments(
    caller: str,
    function: Function,
    scope: ApplicationContext,
    given: Mapping[type, Getter],
    foreign: Mapping[type, str],
    *,
    of_batch: bool = False,
) -> Arguments | None:
    if not isinstance(function, Described):
        return None
    by = Caller(
        name=caller,
        namespace=function.id.namespace,
        locations=frozenset({"body"}),
        blocking=function.blocking,
        given=given,
        foreign=foreign,
        one_body=True,
    )
    signature = function.signature(by)
    return Arguments(signature, by, scope, of_batch=of_batch) if signature.typed else None


class Arguments:
    """Fills the parameters of one handler from messages."""

    def __init__(
        self,
        signature: Signature,
        by: Caller,
        scope: ApplicationContext,
        *,
        of_batch: bool = False,
    ) -> None:
        """With `of_batch`, a body is an item of the list that the handler asks for. Raises
        StartError, with the place of the handler, for a type that nothing is made of.
        """
        self._defaults = [each.default for each in signature.parameters]
        self._place = -1
        self._decode: Callable[[bytes], Any] | None = None
        for place, each in enumerate(signature.parameters):
            if each.location == "body":
                self._place = place
                try:
                    type = _item(each.type) if of_batch else each.type
                    self._decode = document(type).decode
                except (TypeError, NameError) as error:
                    text = f"the parameter '{each.name}': {error}"
                    raise hints.unusable(signature.place, text) from error
        self._getters = [*getters(signature, by, scope)]

    def decode(self, data: bytes) -> Any:
        """The body of a message for `call`; None if the handler asks for none.

        Raises InvalidBody, with the places of its faults.
        """
        if self._decode is None:
            return None
        try:
            return self._decode(data)
        except (Unfit, InvalidJSON) as error:
            raise InvalidBody(str(error)) from None

    def call(self, function: Function) -> Callable[[Any, Any], Awaitable[Any]]:
        """The way to call the function with a delivery, or another subject, and a decoded body."""
        call = function.call
        if self._place == 0 and len(self._defaults) == 1:
            return call

        def call_with_all(delivery: Any, body: Any) -> Awaitable[Any]:
            arguments = [*self._defaults]
            if self._place >= 0:
                arguments[self._place] = body
            for place, get in self._getters:
                arguments[place] = get(delivery)
            return call(delivery, *arguments)

        return call_with_all


def _item(annotation: Any) -> Any:
    """The type of a list's items. Raises TypeError for what is no list."""
    bare = shape.bare(annotation)
    if shape.is_unknown(bare):
        return Any
    if bare is list or get_origin(bare) is list:
        return next(iter(get_args(bare)), Any)
    raise TypeError("a consumer with 'batch' hands in a list of bodies; write list[…]")
