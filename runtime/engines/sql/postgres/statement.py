"""Statement: a piece of SQL, its first keyword and its placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import msgspec

from runtime.engines.sql.postgres import session_state
from runtime.engines.sql.postgres.placeholder import Placeholders, after_comment, tokens, translate

_BLANK = re.compile(r"(?:[ \t\n\v\f\r;]|--[^\n]*)*")
READING = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN"})
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_CONTROL = frozenset(
    {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"}
)
_SESSION = frozenset({"SET", "RESET", "DISCARD", "LISTEN", "UNLISTEN", "PREPARE", "DEALLOCATE"})
_ALONE = frozenset({"VACUUM", "CLUSTER", "CALL", "CHECKPOINT"})
_ALONE_TEXT = re.compile(
    r"\bCONCURRENTLY\b|\A\s*(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SYSTEM|TABLESPACE)", re.IGNORECASE
)


class Statement(msgspec.Struct, frozen=True):
    """`verb` is the first keyword in upper case; for a WITH, the one after its tables."""

    verb: str
    reads: bool
    """True if it changes nothing, as far as its verb tells."""
    placeholders: Placeholders
    refused_alone: str | None
    """The reason why it has no place outside of a transaction."""
    refused_inside: str | None
    """The reason why it has no place inside a transaction."""
    has_place_inside: bool
    """False for what the server itself refuses inside a transaction, such as VACUUM."""


@lru_cache(maxsize=1024)
def parse(text: str) -> Statement:
    """Read a statement. Raises ValueError if it is empty or no text."""
    if not isinstance(text, str):
        raise TypeError(f"the statement is of type {type(text).__name__}, wanted str")
    check_text(text, "the statement")
    start = after_blank(text)
    if start == len(text):
        raise ValueError("the statement is empty")
    verb = _verb(text, start)
    alone = inside = None
    if verb in _CONTROL:
        point = verb in ("SAVEPOINT", "RELEASE") or (verb == "ROLLBACK" and _names_savepoint(text))
        instead = "use `async with tx.attempt():`"
        alone = f"{verb} outside of a transaction; use the database's transaction()"
        inside = f"{verb} inside of a transaction; " + (
            instead if point else "leave the block to commit, raise to roll back"
        )
    elif verb in _SESSION:
        alone = (
            f"{verb} outside of a transaction would stay with a connection that others use; "
            + (
                "use SET LOCAL in a transaction, or the fields of the database"
                if verb in ("SET", "RESET")
                else "use it in a transaction"
            )
        )
        if verb in ("SET", "RESET") and not _is_local(text):
            inside = f"{verb} would outlive the transaction; write SET LOCAL"
        elif verb not in ("SET", "RESET"):
            inside = f"{verb} has no place in a transaction, whose connection goes back to a pool"
    elif verb == "COPY":
        alone = inside = "COPY moves a stream, which a call does not; use executemany(), or psql"
    else:
        alone, inside = session_state.find(verb, text)
    fits = inside is None and verb not in _ALONE and not _ALONE_TEXT.search(text)
    return Statement(verb, verb in READING, translate(text), alone, inside, fits)


def parse_inside(text: str) -> Statement:
    """Read a statement of a transaction. Raises ValueError for one that has no place there."""
    statement = parse(text)
    if statement.refused_inside:
        raise ValueError(statement.refused_inside)
    return statement


def check_effect(statement: Statement, text: str) -> None:
    """Raise ValueError for a statement whose rows would be lost."""
    if statement.reads:
        raise ValueError(
            f"execute() returns no rows; use query() or query_one() for '{headline(text)}'"
        )


def check_text(text: str, what: str) -> None:
    """Raise ValueError for a text that PostgreSQL cannot take."""
    if "\0" in text:
        raise ValueError(f"{what} has a NUL in it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} has a lone surrogate, which is no text") from None


def headline(text: str) -> str:
    """The first line of a statement, cut to at most 100 characters for an error."""
    line = text[after_blank(text) :].partition("\n")[0].strip()
    return line if len(line) <= 100 else line[:99] + "…"


def after_blank(text: str, position: int = 0) -> int:
    """The place of the first thing from `position` on that is no blank, comment or semicolon."""
    while True:
        found = _BLANK.match(text, position)
        position = found.end() if found else position
        if not text.startswith("/*", position):
            return position
        position = after_comment(text, position + 2)


def _verb(text: str, start: int) -> str:
    if text.startswith("(", start):
        return "SELECT"  # a query in parentheses
    words = _outer_words(text)
    verb = next(words, "")
    if verb != "WITH":
        return verb
    return next((word for word in words if word in _CHANGING or word in READING), verb)


def _outer_words(text: str) -> Iterator[str]:
    """The words outside of parentheses, in upper case."""
    depth = 0
    for found in tokens(text):
        if found["mark"]:
            depth += {"(": 1, ")": -1}.get(found["mark"], 0)
        elif found["word"] and depth == 0:
            yield found["word"].upper()


def _names_savepoint(text: str) -> bool:
    """True for `ROLLBACK [WORK | TRANSACTION] TO …`."""
    words = list(islice(_outer_words(text), 3))
    return "TO" in words[1:2] or words[2:] == ["TO"]


def _is_local(text: str) -> bool:
    """True for what ends with the transaction: SET LOCAL, SET TRANSACTION, SET CONSTRAINTS."""
    words = list(islice(_outer_words(text), 2))
    return words[1:] in (["LOCAL"], ["TRANSACTION"], ["CONSTRAINTS"])
