"""Contexts: what one call sets in its context is not there for the next."""

from __future__ import annotations

import asyncio
import decimal
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from runtime.handlers import decimals
from runtime.handlers.context import current
from runtime.handlers.invocation import Invocation
from tests.handlers.test_invocation import Subject, invocation, run

tenant = ContextVar("tenant", default="nobody")


async def on_the_loop(name: str) -> tuple[str, int]:
    seen = tenant.get(), decimal.getcontext().prec
    tenant.set(name)
    decimal.getcontext().prec = 3
    await asyncio.sleep(0)
    assert (tenant.get(), decimal.getcontext().prec) == (name, 3)
    return seen


def in_a_thread(name: str) -> tuple[str, int]:
    seen = tenant.get(), decimal.getcontext().prec
    tenant.set(name)
    decimal.getcontext().prec = 3
    return seen


functions = pytest.mark.parametrize("function", [on_the_loop, in_a_thread])


def both(made: Invocation) -> list[Any]:
    """The results of two calls from one task."""

    async def main() -> list[Any]:
        results = [await made.call_apart(Subject(), name) for name in ("ada", "bob")]
        assert (tenant.get(), current.get(None)) == ("nobody", None) or made.call_apart is made.call
        return results

    return run(main())  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decimals, "in_use", False)
    decimals.look()  # another test may have left one in the context that all tests share


@functions
def test_the_second_call_sees_nothing_of_the_first(function: Callable[..., Any]) -> None:
    assert both(invocation(function)) == [("nobody", 28), ("nobody", 28)]


@functions
def test_a_decimal_context_made_at_import_is_copied_for_each_call(
    function: Callable[..., Any],
) -> None:
    with decimal.localcontext(prec=50):
        decimals.look()
        assert both(invocation(function)) == [("nobody", 50), ("nobody", 50)]
        assert decimal.getcontext().prec == 50


def test_what_the_caller_s_context_holds_is_seen() -> None:
    async def main() -> Any:
        tenant.set("the consumer's")
        return await invocation(on_the_loop).call_apart(Subject(), "ada")

    assert run(main())[0] == "the consumer's"


def test_a_cancellation_and_an_error_go_through_to_the_handler_and_back() -> None:
    async def main() -> list[str]:
        seen = []
        begun = asyncio.Event()

        async def handler(until: asyncio.Event) -> None:
            try:
                begun.set()
                await until.wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                await asyncio.sleep(0)
                raise ValueError("no number") from None

        task = asyncio.ensure_future(invocation(handler).call_apart(Subject(), asyncio.Event()))
        await begun.wait()
        task.cancel()
        with pytest.raises(ValueError, match="no number"):
            await task
        return seen

    assert run(main()) == ["cancelled"]
