"""Dialect: the differences between databases in the text that the builder writes.

The builder writes SQLite's text: `?` for each value and backticks around names. For another
dialect that text is laid out and translated, once for each shape of statement. Truth values are
no difference: the builder writes them as comparisons (`1 = 1`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from runtime.engines.sql.builder.layout import Layout, Section

_json = msgspec.json.Encoder()

JSON_ITEMS = "SELECT +value FROM json_each(?)"
"""The items of a JSON array as rows. `+` takes the type off them, so that they compare as a bound
value would."""

IN_ITEMS = f"IN ({JSON_ITEMS})"

TOKEN = re.compile(
    r"""\?\?[|&]? | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<name>`[^`]*`) | \[[^\]?]*\]
    | --[^\n]* | /\*.*?\*/ | (?P<named>\?\d+ | [:@$][A-Za-z_]\w*) | (?P<plain>\?)""",
    re.DOTALL | re.VERBOSE,
)
"""Placeholders and names; and strings and comments, in which a `?` is no placeholder. `??` is an
operator of PostgreSQL's JSON."""

CALL = re.compile(
    r"\b(?P<function>group_concat|total|typeof|date|datetime|time)"
    r"\((?P<distinct>DISTINCT )?(?P<argument>`[^`]*`(?:\.`[^`]*`)?)\)"
)
"""A call that the builder wrote; its argument is quoted, as in nobody's own text."""
LIKE = re.compile(r"(?<=`) (?P<not>NOT )?LIKE \?")


def _as_json(items: Sequence[Any]) -> str:
    return _json.encode(items).decode()


def _as_array(items: Sequence[Any]) -> str:
    """An array as text, whose type the column decides, as it does for a single value."""
    quoted = [
        '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if isinstance(item, str)
        else str(item)
        for item in items
    ]
    return "{" + ",".join(quoted) + "}"


class Items(tuple[Any, ...]):
    """The list of a condition, until the dialect is known that binds it."""

    __slots__ = ()


class Dialect(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The text that one sort of database reads.

    A clause that a layout has no section for, such as `returning`, is refused with ValueError. A
    select inside a condition keeps SQLite's layout.
    """

    name: str
    """As users know it, for errors."""
    select: Layout
    insert: Layout
    change: Layout
    """Of UPDATE and DELETE."""
    quote: str = "`"
    """Written on both sides of a name."""
    placeholder: str = "?"
    """Of a value; `{}` in it becomes the value's number, from 1."""
    in_items: str = IN_ITEMS
    """The condition after a column that its value is in a list, which is bound as one value."""
    bind_items: Callable[[Sequence[Any]], Any] = _as_json
    """Makes that one value of the list."""
    like: str = "LIKE ?"
    """Of `like()`, which ignores case and has no escapes."""
    calls: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The functions that others stand for, with `{}` for the argument; empty if there is none."""
    hints: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The mend for what this dialect does not have."""

    def translate(self, text: str) -> str:
        """Rewrite a text of SQLite's: its names, its placeholders and its lists of values."""
        number = 0

        def token(found: re.Match[str]) -> str:
            nonlocal number
            if found["plain"]:
                number += 1
                return self.placeholder.format(number)
            if found["name"]:
                return self.quote + found["name"][1:-1] + self.quote
            return found[0]

        text = CALL.sub(self._call, text) if self.calls else text
        if self.like != "LIKE ?":
            text = LIKE.sub(lambda found: f" {found['not'] or ''}{self.like}", text)
        return TOKEN.sub(token, text.replace(IN_ITEMS, self.in_items))

    def unsupported(self, what: str, key: str) -> ValueError:
        """The error for something that this dialect does not have."""
        hint = self.hints.get(key)
        return ValueError(f"{self.name} has no {what}" + (f"; {hint}" if hint else ""))

    def _call(self, found: re.Match[str]) -> str:
        function = found["function"]
        if function not in self.calls:
            raise self.unsupported(f"{function}()", function)
        return self.calls[function].format((found["distinct"] or "") + found["argument"])


SQLITE = Dialect(
    name="SQLite",
    select=Layout(
        Section("verb", "", single=True),
        Section("columns", " ", ", ", default="*"),
        Section("from", " FROM ", single=True),
        Section("join", " ", " "),
        Section("where", " WHERE ", " AND "),
        Section("group", " GROUP BY ", ", "),
        Section("having", " HAVING ", " AND "),
        Section("order", " ORDER BY ", ", "),
        # SQLite has no OFFSET without a LIMIT.
        Section("limit", " LIMIT ", default="-1", beside="offset", single=True),
        Section("offset", " OFFSET ", single=True),
    ),
    insert=Layout(
        Section("verb", ""),
        Section("or", " OR ", single=True),
        Section("into", " INTO "),
        Section("columns", " ", single=True),
        Section("values", " VALUES ", ", "),
        Section("default", " "),
        Section("conflict", " ", " "),
        Section("returning", " RETURNING ", ", "),
    ),
    change=Layout(
        Section("verb", ""),
        Section("table", " "),
        Section("set", " SET ", ", "),
        Section("where", " WHERE ", " AND "),
        Section("returning", " RETURNING ", ", "),
    ),
)

INNER = replace(SQLITE, name="SQLite's, inside another statement", bind_items=Items)
"""For a select inside a condition, which is translated with the whole."""

POSTGRESQL = Dialect(
    name="PostgreSQL",
    select=Layout(
        *(
            Section("limit", " LIMIT ", single=True) if section.clause == "limit" else section
            for section in SQLITE.select.sections
        )
    ),
    insert=Layout(
        Section("verb", ""),
        Section("into", " INTO "),
        Section("columns", " ", single=True),
        Section("values", " VALUES ", ", "),
        Section("default", " "),
        Section("conflict", " ", " "),
        Section("or", " ", single=True, words={"IGNORE": "ON CONFLICT DO NOTHING"}),
        Section("returning", " RETURNING ", ", "),
    ),
    change=SQLITE.change,
    quote='"',
    in_items="= ANY(?)",
    bind_items=_as_array,
    like="ILIKE ? ESCAPE ''",
    calls={"group_concat": "string_agg({}::text, ',')"},
    hints={
        "OR REPLACE": "use on_conflict_do_update(…), which names the key and the columns",
        "total": "use sum()",
        "typeof": "use expr('pg_typeof(…)')",
        "date": "use expr('CAST(… AS date)')",
        "datetime": "use expr('CAST(… AS timestamp)')",
        "time": "use expr('CAST(… AS time)')",
    },
)
"""Placeholders stay `?`: the database translates those of every statement."""
