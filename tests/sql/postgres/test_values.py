"""Values: what goes into PostgreSQL and what comes out again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from runtime.engines.sql.contract import Json
from runtime.engines.sql.postgres.parameters import bind
from runtime.engines.sql.postgres.placeholder import translate
from tests.support.databases import run, serving
from tests.support.postgres_databases import database
from tests.support.postgres_schema import PostgresSchema

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Color(Enum):
    RED = "red"


VALUES: list[tuple[str, Any, Any]] = [
    ("text", "é ?", "é ?"),
    ("text", 7, "7"),
    ("int", "7", 7),
    ("bigint", 2**62, 2**62),
    ("numeric", 2**80, Decimal(2**80)),
    ("float8", 1.5, 1.5),
    ("boolean", True, True),
    ("bytea", b"\0\xff", b"\0\xff"),
    ("timestamptz", NOON, NOON),
    ("timestamptz", "2026-01-02T12:00:00Z", NOON),
    ("timestamp", datetime(2026, 1, 2), datetime(2026, 1, 2)),
    ("date", date(2026, 1, 2), date(2026, 1, 2)),
    ("time", time(12, 30), time(12, 30)),
    ("interval", timedelta(days=1), timedelta(days=1)),
    ("uuid", UUID(int=7), UUID(int=7)),
    ("uuid", str(UUID(int=7)), UUID(int=7)),
    ("numeric", Decimal("1.50"), Decimal("1.50")),
    ("text", Color.RED, "red"),
    ("int[]", [1, None, 3], [1, None, 3]),
    ("text[]", ["a", 'b,"\\'], ["a", 'b,"\\']),
    ("jsonb", Json({"a": [1, None], "at": NOON}), {"a": [1, None], "at": "2026-01-02T12:00:00Z"}),
    ("json", Json([1]), [1]),
    ("text", Json({"a": 1}), '{"a": 1}'),
    ("int", None, None),
]


def test_values_come_out_as_python_has_them(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with serving(database(postgres.url)) as db:
            for number, (column, given, expected) in enumerate(VALUES):
                await db.execute(f"CREATE TABLE t{number} (v {column})")
                await db.execute(f"INSERT INTO t{number} VALUES (?)", (given,))
                row = await db.query_one(f"SELECT v FROM t{number}")
                assert row == {"v": expected}, column
                assert type(row["v"]) is type(expected), column

    run(main())


TYPES = (
    "'ok'::mood AS a, ARRAY['ok'::mood] AS b, '(1,2)'::point AS c, B'101' AS d, '<a/>'::xml AS e, "
    "'NaN'::float8::text AS f, 7 AS g"
)


def test_a_type_that_python_does_not_have_comes_out_as_text(postgres: PostgresSchema) -> None:
    async def main() -> None:
        async with serving(database(postgres.url)) as db:
            await db.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
            for _ in range(9):  # also once it is prepared
                assert await db.query_one(f"SELECT {TYPES}") == {
                    "a": "ok", "b": "{ok}", "c": "(1,2)", "d": "101", "e": "<a/>", "f": "NaN",
                    "g": 7,
                }  # fmt: skip

    run(main())


def test_more_than_a_message_can_hold_is_refused_by_name(postgres: PostgresSchema) -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return 1 << 30

    async def main() -> None:
        async with serving(database(postgres.url)) as db:
            many = ", ".join("?" * 65536)
            with pytest.raises(ValueError, match=r"65536 placeholders.*write = ANY\(\?\)"):
                await db.query(f"SELECT 1 WHERE 1 IN ({many})", range(65536))
            with pytest.raises(ValueError, match="parameter 1 is longer than PostgreSQL takes"):
                await db.query("SELECT ?", (Long(),))
            rows = "SELECT count(*) AS n FROM generate_series(1, 9) AS g WHERE g = ANY(?)"
            assert await db.query_one(rows, (list(range(70000)),)) == {"n": 9}

    run(main())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (("a\0b",), ValueError, "parameter 1 has a NUL in it"),
        ((["a", "b\0"],), ValueError, r"parameter '1\[1\]' has a NUL in it"),
        ((Json("\0"),), ValueError, "parameter 1 has a NUL in it, which jsonb cannot keep"),
        (("\ud800",), ValueError, "parameter 1 has a lone surrogate"),
        (({},), TypeError, r"parameter 1 is of type dict, .*pass sql.json\(value\)"),
        ((object(),), TypeError, "parameter 1 is of type object, wanted str"),
        ((1, 2), ValueError, "the statement has 1 placeholders, and there are 2 values"),
        ("a", TypeError, r"the parameters are of type str, .*write a single one as \(value,\)"),
        ({"a": 1}, ValueError, r"has \? and its parameters are a mapping"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_by_its_place(
    parameters: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        values = bind(translate("SELECT ?"), parameters)
        values[0].dumps(values[0].obj)  # JSON is written when it is sent


def test_names_are_bound_by_their_names() -> None:
    assert bind(translate("SELECT :b, :a, :b"), {"a": 1, "b": 2, "c": 3}) == [2, 1]
    with pytest.raises(ValueError, match="no value for the placeholder ':b'"):
        bind(translate("SELECT :b"), {"a": 1})
    with pytest.raises(ValueError, match="has the placeholder ':b'; pass a dict"):
        bind(translate("SELECT :b"), (1,))
