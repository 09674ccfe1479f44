"""Errors of a database, in words that name the statement and never a value."""

from __future__ import annotations

import re

import psycopg

from runtime.engines.sql.contract import TransactionLost, Uncertain
from runtime.engines.sql.postgres.statement import headline
from runtime.service import StartError, Unavailable

_TRANSIENT = ("08", "57P", "53", "55P03", "40001", "40P01", "25006")
"""Classes of errors that no statement caused, and that may be over later; the last one comes from a
server that was demoted."""
_GONE = ("08", "57P", "25006", "25P03")
"""Those after which a connection is of no use."""
_START = ("28", "3D000", "3F000", "42501")
"""Wrong password, no such database, no such schema, no right to connect."""
_QUOTED = re.compile(r'".*"', re.DOTALL)
_QUESTION = re.compile(r"\s+Is the server running [^?]*\?")
"""A question of libpq to the user, on a line of its own after `Connection refused`."""
QUERY_CANCELED = "57014"
_STALE_PLAN = "cached plan must not change result type"


def message(error: psycopg.Error) -> str:
    """The first line of an error, without the values that PostgreSQL quotes in it.

    The detail below it, `Key (name)=(ann) already exists`, is all values.
    """
    text = error.diag.message_primary or str(error).strip()
    line = text.partition("\n")[0].strip() or type(error).__name__
    if (error.sqlstate or "").startswith("22"):  # `invalid input syntax for type integer: "7x"`
        line = _QUOTED.sub('"…"', line)
    return line


def is_transient(error: psycopg.Error) -> bool:
    """True for a lost connection, a lock, and a server that has no room or is ending."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(_TRANSIENT)


def lost_connection(error: BaseException) -> bool:
    """True if the connection broke, so that nobody knows what became of the statement."""
    if not isinstance(error, psycopg.Error):
        return False
    return error.sqlstate is None and is_transient(error)


def is_connection_useless(error: psycopg.Error) -> bool:
    """True if the connection must not be used again: it is broken, or to the wrong server."""
    return (error.sqlstate or "08").startswith(_GONE) or is_stale_plan(error)


def is_stale_plan(error: BaseException) -> bool:
    """True if a table was altered since the statement was prepared on this connection.

    The server refuses it before it does anything, and goes on to refuse it.
    """
    return isinstance(error, psycopg.errors.FeatureNotSupported) and _STALE_PLAN in str(error)


def explain(error: psycopg.Error, text: str, place: str = "") -> Exception:
    """The error to raise in the caller of a statement: the same one, or Unavailable.

    It has the first line of the error and of the statement, and no frames of ours; `place` stands
    before them.
    """
    described = f"{place}{message(error)}; in '{headline(text)}'"
    if isinstance(error, psycopg.errors.SyntaxError):
        described += next((mend for sign, mend in _DIALECT if sign.search(text)), "")
    if is_transient(error) or is_stale_plan(error):
        return Unavailable(described)
    error.args = (described,)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


_DIALECT = [
    (
        re.compile(r"\b(INSERT\s+OR|REPLACE\s+INTO)\b", re.IGNORECASE),
        "; write INSERT … ON CONFLICT, which SQLite knows too",
    ),
    (
        re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE),
        "; write GENERATED ALWAYS AS IDENTITY",
    ),
    (re.compile(r"^\s*PRAGMA\b", re.IGNORECASE), "; PRAGMA is of SQLite alone"),
]
"""Syntax of SQLite alone, and the mend for each."""


def uncertain(error: psycopg.Error, text: str) -> Uncertain:
    """The error for a change whose answer never came."""
    return Uncertain(
        f"the connection was lost ({message(error)}); the change may or may not have been saved; "
        f"in '{headline(text)}'"
    )


def is_unreplicated(notice: psycopg.errors.Diagnostic) -> bool:
    """True for the server's warning that it no longer waits for its synchronous standby.

    The warning has no code of its own, and its text is in the language of the server.
    """
    return notice.source_function == "SyncRepWaitForLSN"


def unreplicated(text: str) -> Uncertain:
    """The error for a commit that a synchronous standby has not confirmed in time."""
    return Uncertain(
        "no synchronous standby confirmed the commit in time; the change is saved on the primary "
        f"alone, and is lost if the standby takes its place; in '{headline(text)}'"
    )


def timeout_error(label: str, limit: float) -> TransactionLost:
    """The error of a transaction that took more than `limit` seconds."""
    return TransactionLost(
        f"the transaction held a connection to '{label}' for more than {limit:g} s "
        "and was rolled back; do slow work before its first statement, "
        "or raise transaction_timeout"
    )


def transaction_lost(error: psycopg.Error) -> TransactionLost:
    """The error of a transaction that a failed statement has ended."""
    return TransactionLost(
        f"a statement failed ({message(error)}), which ends a transaction in PostgreSQL; "
        "write `async with tx.attempt():` around what may fail"
    )


def attempt_lost(error: psycopg.Error) -> TransactionLost:
    """The error of what follows a failed statement within an attempt."""
    return TransactionLost(f"a statement of the attempt failed ({message(error)}); leave its block")


def connect_error(error: psycopg.Error, label: str) -> StartError | Unavailable:
    """The error of a connection that was not made.

    Nothing is retried that somebody has to mend first: a wrong password, a missing database, a
    certificate.
    """
    text = " ".join(_QUESTION.sub("", str(error)).split())
    state = error.sqlstate or ""
    if state.startswith(_START) or any(sign in text for sign in _REFUSALS):
        return StartError(f"cannot connect to '{label}': {text}{_mend(text)}")
    return Unavailable(f"'{label}' cannot be reached: {text}")


_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied for database",
    "certificate",
    "server does not support SSL",
    "unsupported startup parameter",
    "unrecognized configuration parameter",
    "definition of service",
)
"""Texts of libpq for a connection that will be refused again; it passes no code on."""


def _mend(text: str) -> str:
    if "server does not support SSL" in text:
        return "; give the server a certificate, or write `tls: {mode: disable}` for a trusted net"
    if "unsupported startup parameter" in text:
        return "; behind a pooler write `pooler: transaction`"
    if "certificate" in text:
        return "; name its authority in `tls.ca`, or accept others by `tls.mode`"
    if "password authentication failed" in text:
        return "; check the user and the password of the address"
    if re.search(r'database ".*" does not exist', text):
        return "; create it, or correct the address"
    return ""
