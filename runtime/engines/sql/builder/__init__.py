"""The query builder: SQL from checked names, with every value bound.

select("id", "status").from_("tasks").where({"status": ["new", "failed"]}).limit(100)
"""

from __future__ import annotations

from runtime.engines.sql.builder.change import Delete, Update, delete, update
from runtime.engines.sql.builder.expression import (
    Expression,
    and_,
    eq,
    expr,
    gt,
    gte,
    like,
    lt,
    lte,
    not_,
    not_eq,
    not_like,
    or_,
)
from runtime.engines.sql.builder.identifier import InvalidIdentifier
from runtime.engines.sql.builder.insert import Insert, insert
from runtime.engines.sql.builder.select import Select, select

__all__ = [
    "Delete",
    "Expression",
    "Insert",
    "InvalidIdentifier",
    "Select",
    "Update",
    "and_",
    "delete",
    "eq",
    "expr",
    "gt",
    "gte",
    "insert",
    "like",
    "lt",
    "lte",
    "not_",
    "not_eq",
    "not_like",
    "or_",
    "select",
    "update",
]
