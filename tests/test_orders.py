"""Orders: three endpoints under a prefix, lenient about input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.blackbox import APPS, FREE_PORT, Site, running


@pytest.fixture(scope="module")
def orders() -> Iterator[Site]:
    with running(APPS / "orders", FREE_PORT) as site:
        yield site
        assert site.stop() == 0


def test_health_is_ok(orders: Site) -> None:
    reply = orders.ask("GET", "/api/health")

    assert (reply.status, reply.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("body", "amount", "price", "total"),
    [
        ({"item": "pen", "amount": 3, "price": 2.5}, 3, 2.5, 7.5),
        ({"item": "pen"}, 1, 9.99, 9.99),
        ({"item": "pen", "amount": "4"}, 4, 9.99, 39.96),
        ({"item": "pen", "amount": "x"}, 1, 9.99, 9.99),
    ],
)
def test_an_order_is_counted(
    orders: Site, body: Any, amount: int, price: float, total: float
) -> None:
    reply = orders.ask("POST", "/api/orders", body)

    order = reply.json["order"]
    assert reply.status == 201
    assert re.fullmatch(r"\d+-\d{4}", order["id"])
    assert (order["item"], order["amount"], order["price"]) == ("pen", amount, price)
    assert order["total"] == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("body", [{}, "{bad", ""])
def test_an_order_of_nothing_is_refused(orders: Site, body: Any) -> None:
    reply = orders.ask("POST", "/api/orders", body)

    assert (reply.status, reply.json) == (400, {"error": "missing 'item' field"})


def test_the_statistics_are_numbers(orders: Site) -> None:
    reply = orders.ask("GET", "/api/stats")

    assert reply.status == 200
    numbers = reply.json["runtime"].values()
    assert any(isinstance(number, int | float) for number in numbers)


def test_the_prefix_belongs_to_every_path(orders: Site) -> None:
    assert orders.ask("GET", "/health").status == 404
