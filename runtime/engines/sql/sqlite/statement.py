"""Statement: the category of a piece of SQL, by its first keyword."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class Category(Enum):
    """The way in which a statement has to be run."""

    READ = "read"
    """Changes nothing: may run on a reading connection."""
    WRITE = "write"
    """May share a transaction with others: when it fails, only its own changes are undone."""
    SOLO = "solo"
    """Must not run inside a transaction, or could end one."""
    SAVEPOINT = "savepoint"
    """Has a meaning only inside a transaction."""
    CONTROL = "control"
    """Begins or ends a transaction."""


WRITE, SOLO = Category.WRITE, Category.SOLO
"""Read at every statement; a lookup in the enumeration takes three times as long."""


class Statement(NamedTuple):
    """`verb` is the first keyword in upper case; for a WITH, the one after its tables."""

    category: Category
    verb: str
    changes_rows: bool
    inserts: bool
    alters: bool
    """True if it may change what a table is, or undo such a change."""
    table: str | None
    """The table that every row of a plain INSERT goes into; None for an upsert, and if the text
    does not name it plainly."""


_READING = frozenset({"SELECT", "VALUES", "EXPLAIN"})
_INSERTING = frozenset({"INSERT", "REPLACE"})
_CHANGING = _INSERTING | {"UPDATE", "DELETE"}
_DEFINING = frozenset({"CREATE", "ALTER", "DROP", "ANALYZE", "REINDEX"})
_CONTROLLING = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK"})

# SQLite skips all of this before a statement, also semicolons and a byte order mark.
_BLANK = re.compile(r"(?:[ \t\n\x0b\f\r;\ufeff]|--[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]*")
TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
    | --[^\n]* | /\*.*?(?:\*/|\Z) | [();] | \w+""",
    re.DOTALL | re.VERBOSE,
)
_INTO = re.compile(
    r"""(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO\s+
    (?:\w+\s*\.\s*)?(\w+ | "[^"]+"(?!") | `[^`]+`(?!`) | \[[^\]]+\])(?!\s*\.)""",
    re.IGNORECASE | re.VERBOSE,
)
_UPSERT = re.compile(r"\bCONFLICT\b.*\bUPDATE\b", re.DOTALL | re.IGNORECASE)


@lru_cache(maxsize=1024)
def classify(text: str) -> Statement:
    """Classify a statement. Raises ValueError if it is empty or has a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the statement has a lone surrogate, which is no text") from None
    start = after_blank(text)
    verb = _verb(text, start)
    if not verb and start == len(text):
        raise ValueError("the statement is empty")
    if verb == "WITH":
        verb, start = _verb_after_tables(text, start)
    category = _category(verb, text, start)
    changes, inserts = verb in _CHANGING, verb in _INSERTING
    alters = not changes and category is not Category.READ
    table = _table(text, start) if inserts else None
    return Statement(category, verb, changes, inserts, alters, table)


def headline(text: str) -> str:
    """The first line of a statement, cut to at most 100 characters for an error."""
    line = text[after_blank(text) :].partition("\n")[0].strip()
    return line if len(line) <= 100 else line[:99] + "…"


def _category(verb: str, text: str, start: int) -> Category:
    if verb in _READING:
        return Category.READ
    if verb in _CHANGING or verb in _DEFINING:
        # `INSERT OR ROLLBACK` undoes the whole transaction it stands in, so it gets its own.
        return Category.SOLO if "ROLLBACK" in text.upper() else Category.WRITE
    if verb in ("SAVEPOINT", "RELEASE") or (verb == "ROLLBACK" and _names_savepoint(text, start)):
        return Category.SAVEPOINT
    return Category.CONTROL if verb in _CONTROLLING else Category.SOLO


def _verb(text: str, start: int) -> str:
    found = _WORD.match(text, start)
    return found[0].upper() if found else ""


def after_blank(text: str, start: int = 0) -> int:
    """The place of the first thing from `start` on that SQLite does not skip."""
    found = _BLANK.match(text, start)
    return found.end() if found else start


def _verb_after_tables(text: str, start: int) -> tuple[str, int]:
    """The verb of a WITH, and its place."""
    depth = 0
    for found in TOKEN.finditer(text, start):
        token = found[0].upper()
        depth += (token == "(") - (token == ")")
        if depth == 0 and (token in _CHANGING or token in _READING):
            return token, found.start()
    return "", start


def _table(text: str, start: int) -> str | None:
    """The table of a plain INSERT; see `Statement.table`."""
    found = _INTO.match(text, start)
    if found is None or _UPSERT.search(text, found.end()):
        return None
    name = found[1].strip('"`[]')
    return name.lower() if name.isascii() else name  # SQLite ignores the case of ASCII only


def _names_savepoint(text: str, start: int) -> bool:
    """True for `ROLLBACK [TRANSACTION] TO …`."""
    tokens = (found[0].upper() for found in TOKEN.finditer(text, start))
    words = [token for token in tokens if token[0].isalpha()]
    return "TO" in words[1:2] or words[1:3] == ["TRANSACTION", "TO"]
