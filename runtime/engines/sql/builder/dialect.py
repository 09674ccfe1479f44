"""Dialect: the differences between databases in the text that the builder writes.

The builder writes SQLite's text: `?` for each value and backticks around names. For another
dialect that text is laid out and translated, once for each shape of statement. Truth values are
no difference: the builder writes them as comparisons (`1 = 1`).
"""

from __future__ import annotations

import re

import msgspec

from runtime.engines.sql.builder.layout import Layout, Section

JSON_ITEMS = "SELECT +value FROM json_each(?)"
"""The items of a JSON array as rows. `+` takes the type off them, so that they compare as a bound
value would."""

TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<name>`[^`]*`) | \[[^\]]*\] | --[^\n]* | /\*.*?\*/
    | (?P<named>\?\d+ | [:@$][A-Za-z_]\w*) | (?P<plain>\?)""",
    re.DOTALL | re.VERBOSE,
)
"""Placeholders and names; and strings and comments, in which a `?` is no placeholder."""


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
    json_items: str = JSON_ITEMS

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

        return TOKEN.sub(token, text.replace(JSON_ITEMS, self.json_items))


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
