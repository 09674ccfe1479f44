"""Migration: one file of SQL or Python that changes a database once."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator

import msgspec

from runtime.findings.fault import Fault
from runtime.findings.suggestion import did_you_mean
from runtime.handlers.syntax import parse

FUNCTION = "migrate"
"""The function of a migration in Python."""

_COMMENT = re.compile(r"--[ \t]*runtime:(?P<text>[^\n]*)", re.IGNORECASE)
_BLANK = re.compile(r"(?:\s|;|--[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
OUTSIDE, REBUILD = "no transaction", "foreign_keys off"
_COMMENTS = (OUTSIDE, REBUILD)


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is that of the file; `checksum` is the SHA-256 of its text."""

    version: int
    name: str
    text: str
    checksum: str

    @property
    def is_python(self) -> bool:
        return self.name.endswith(".py")

    @property
    def comments(self) -> list[str]:
        """The demands of the `-- runtime:` lines at the head of a file of SQL."""
        if self.is_python:
            return []
        head = _BLANK.match(self.text)
        assert head is not None
        return [" ".join(found["text"].split()).lower() for found in _COMMENT.finditer(head[0])]

    @property
    def outside(self) -> bool:
        """True if its statements run outside of a transaction."""
        return OUTSIDE in self.comments

    @property
    def foreign_keys(self) -> bool:
        """False if foreign keys are not enforced while it runs."""
        return REBUILD not in self.comments


def read(version: int, name: str, data: bytes) -> Migration:
    """A migration from the bytes of its file. Raises UnicodeDecodeError.

    Line ends and a byte order mark do not count: they differ between checkouts of one file.
    """
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(version=version, name=name, text=text, checksum=checksum)


def check(migration: Migration, folder: str) -> Iterator[Fault]:
    """Find what can be seen without running it. The SQL itself is the database's to judge."""
    file = f"{folder}/{migration.name}"
    if migration.is_python:
        yield from _check_python(migration, file)
        return
    for comment in migration.comments:
        if comment not in _COMMENTS:
            hint = did_you_mean(comment, _COMMENTS) or f"there are: {', '.join(_COMMENTS)}"
            yield Fault(f"'{file}' begins with '-- runtime: {comment}'", hint)
    if migration.outside and not migration.foreign_keys:
        yield Fault(
            f"'{file}' has both 'no transaction' and 'foreign_keys off'",
            "the latter is for a transaction; make two files of it",
        )
    blank = _BLANK.match(migration.text)
    if blank is not None and blank.end() == len(migration.text):
        yield Fault(f"'{file}' has no statement", "write one, or delete the file")


def _check_python(migration: Migration, file: str) -> Iterator[Fault]:
    write = f"write 'async def {FUNCTION}(tx):'"
    try:
        tree = parse(migration.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = getattr(error, "msg", str(error))
        yield Fault(f"'{file}{line}' is not Python: {reason}")
        return
    named = [node for node in tree.body if getattr(node, "name", None) == FUNCTION]
    if not named:
        if not any(FUNCTION in _bound(node) for node in tree.body):
            yield Fault(f"'{file}' has no function '{FUNCTION}'", write)
        return
    function = named[-1]
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    takes = function.args
    positional = len(takes.posonlyargs) + len(takes.args)
    needed = positional - len(takes.defaults)
    keywords = any(default is None for default in takes.kw_defaults)
    if needed > 1 or keywords or (positional == 0 and takes.vararg is None):
        place = f"'{file}:{function.lineno}'"
        yield Fault(f"{place}: '{FUNCTION}' is called with the transaction alone", write)


def _bound(node: ast.stmt) -> set[str]:
    """The names that an import or an assignment makes; one of `import *` may be any."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {alias.asname or alias.name for alias in node.names}
        return names | ({FUNCTION} if "*" in names else set())
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
