"""Documentation pages, parsed so that a test can run their examples.

A comment before a block says what to do with it:

    <!-- file: PATH -->                write the block to a file
    <!-- append: PATH -->              add it to a file
    <!-- edit: PATH | OLD | NEW -->    change a file; needs no block
    <!-- delete: PATH … -->            delete files; needs no block
    <!-- change: PATH -->              put its definitions in the place of those of the same names
    <!-- run -->                       run its `$ runtime …` lines and compare what they print; also
                                       `$ python -m pytest …`
    <!-- serve: DIR -->                run its other lines against that application
    <!-- proxy: FILE | DIR -->         the same through nginx or HAProxy with that configuration

`walk` and `save` are those of docs/first-night.md, which has a test of its own.

Variables may be set for `run` (`run: NAME=value`), and before DIR, after which options may follow,
and after a ` | ` another application to run beside it, whose address is `{DIR}` in the variables of
the first.

Lines are run by the shell, with `curl` showing a last line `# 200`; `NAME=$(…)` sets a variable for
those below it. In what is expected, `…` stands for anything. A real PostgreSQL and a real
RabbitMQ are at `DATABASE_URL` and `BROKER_URL`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DIRECTIVE = re.compile(r"<!-- (\w+)(?:: (.*?))? -->")
_FENCE = re.compile(r"```(\S*)(.*)")


@dataclass(frozen=True, slots=True)
class Step:
    """One block, or an `edit` or `delete` without one, and what to do with it."""

    line: int
    action: str
    argument: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line after `$ `, its words, and the output below it."""

    line: str
    words: list[str]
    expected: str


def steps(page: Path) -> Iterator[Step]:
    """The blocks of a page in order; `action` is empty for those without a comment."""
    pending: tuple[int, str, str] | None = None
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if match := _DIRECTIVE.fullmatch(line.strip()):
            if match[1] in ("edit", "delete"):
                yield Step(number, match[1], match[2], "", "")
            else:
                pending = (number, match[1], match[2] or "")
        elif match := _FENCE.fullmatch(line.strip()):
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner)
            _, action, argument = pending or (number, "", "")
            yield Step(number, action, argument, match[1] + match[2], "\n".join(body) + "\n")
            pending = None


def commands(text: str) -> Iterator[Command]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        yield Command(first, shlex.split(first, comments=True), rest.strip("\n"))


def matches(expected: str, found: str) -> bool:
    """True if `found` is the expected text, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, found.strip("\n"), re.DOTALL) is not None
