"""runtime dead: dead letters of an application: see why, deliver them again, drop them."""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from runtime.cli.confirm import confirm, yes_option
from runtime.cli.group import Group
from runtime.cli.operate import Operator, operating
from runtime.cli.options import Chosen, CommandError, application_option, json_option
from runtime.cli.table import print_table
from runtime.cli.times import moment
from runtime.units import format_count, parse_duration

MOST = 10_000
"""Letters that are listed."""
_STEP = 100
"""Letters that are asked for in one call."""
_SHORT = 80

Letter = Mapping[str, Any]


_every_option = click.option("--all", "every", is_flag=True, help="All of them.")
_error_option = click.option(
    "--error", metavar="TYPE", help="Those of an error, such as TypeError."
)


@click.group("dead", cls=Group)
def command() -> None:
    """Look at dead letters, deliver them again, drop them.

    The running application is asked; if none runs, its durable queues are opened.
    """


@command.command("ls")
@click.argument("queue", required=False, default="")
@application_option
@click.option("--by-cause", is_flag=True, help="A line for each cause.")
@json_option
def list_(chosen: Chosen, queue: str, by_cause: bool, as_json: bool) -> None:
    """List the dead letters of QUEUE, or of all queues, the oldest first."""
    with operating(chosen) as operator:
        letters = operator.ask("dead.letters", queue=queue, limit=MOST)
    if as_json:
        print(json.dumps(_causes(letters) if by_cause else letters, indent=2))
    elif not letters:
        print("no dead letter")
    else:
        print_table(_by_cause(letters) if by_cause else _each(letters))


@command.command("show")
@click.argument("queue")
@click.argument("id")
@application_option
@click.option("--payload", is_flag=True, help="Show the body too; the log tells that you did.")
@json_option
def show(chosen: Chosen, queue: str, id: str, payload: bool, as_json: bool) -> None:
    """Show one dead letter of QUEUE: its error, the lines that led to it, its headers."""
    with operating(chosen) as operator:
        letters = operator.ask("dead.letters", queue=queue, limit=MOST)
        found = next((each for each in letters if each["id"] == id), None)
        if found is None:
            raise CommandError(f"there is no dead letter '{id}' of '{queue}'")
        if payload:
            shown = operator.ask("dead.payload", queue=queue, id=id, who=getpass.getuser())
            found["payload"] = shown["text"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(found["error"])
    for frame in found["frames"]:
        print(f"  {frame['file']}:{frame['line']} in {frame['function']}")
    rows = [
        ("queue", found["queue"]),
        ("reason", found["reason"]),
        ("attempts", str(found["attempts"])),
        ("died", moment(found["died"])),
        ("requeued", str(found["requeues"])),
        ("size", f"{found['size']:,} bytes"),
        ("headers", " ".join(found["headers"])),
    ]
    print_table(rows)
    if payload:
        print(f"\n{found['payload']}")


@command.command("requeue")
@click.argument("queue")
@click.argument("ids", metavar="[ID]…", nargs=-1)
@application_option
@_every_option
@_error_option
@click.option("--rate", metavar="50/s", help="So many in a time, and no faster.")
@yes_option
def requeue(
    chosen: Chosen,
    queue: str,
    ids: Sequence[str],
    every: bool,
    error: str | None,
    rate: str | None,
    yes: bool,
) -> None:
    """Deliver dead letters of QUEUE again, with all their attempts."""
    pace = _pace(rate)
    with operating(chosen) as operator:
        chosen_ids = _chosen(operator, queue, ids, every, error)
        if not ids:
            confirm(f"requeue {format_count(len(chosen_ids), 'dead letter')} of {queue}", yes)
        _carry_out(operator, "requeue", queue, chosen_ids, pace)


@command.command("drop")
@click.argument("queue")
@click.argument("ids", metavar="[ID]…", nargs=-1)
@application_option
@_every_option
@_error_option
@yes_option
def drop(
    chosen: Chosen, queue: str, ids: Sequence[str], every: bool, error: str | None, yes: bool
) -> None:
    """Delete dead letters of QUEUE. They are gone."""
    with operating(chosen) as operator:
        chosen_ids = _chosen(operator, queue, ids, every, error)
        confirm(f"delete {format_count(len(chosen_ids), 'dead letter')} of {queue}", yes)
        _carry_out(operator, "drop", queue, chosen_ids, 0.0)


def _chosen(
    operator: Operator, queue: str, ids: Sequence[str], every: bool, error: str | None
) -> Sequence[str]:
    """The ids that were given, or those that the options mean. Raises CommandError."""
    if sum((bool(ids), every, error is not None)) != 1:
        raise CommandError("name messages, or write --all, or --error TYPE")
    letters: Sequence[Letter] = operator.ask("dead.letters", queue=queue, limit=1 if ids else MOST)
    if ids:
        return ids  # that the queue is there is known now
    found = [each["id"] for each in letters if every or _type(each) == error]
    if not found:
        types = ", ".join(sorted({_type(each) for each in letters}))
        raise CommandError(
            f"no dead letter of '{queue}' has that error; there is {types}"
            if letters
            else f"there is no dead letter of '{queue}'"
        )
    return found


def _carry_out(operator: Operator, verb: str, queue: str, ids: Sequence[str], pace: float) -> None:
    """Do it in steps, `pace` seconds a letter; tells what could not be done, and exits with 1."""
    done, left = 0, []
    step = 1 if pace else _STEP
    with click.progressbar(
        length=len(ids), label=verb, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for start in range(0, len(ids), step):
            some = list(ids[start : start + step])
            try:
                result = operator.ask(f"dead.{verb}", queue=queue, ids=some)
                done += result["done"]
                left += result["left"]
            except CommandError as error:
                left += [{"id": id, "why": error.message} for id in some]
            bar.update(len(some))
            if pace and start + step < len(ids):
                time.sleep(pace)
    letters = format_count(done, "dead letter")
    print(f"{verb}{'d' if verb.endswith('e') else 'ped'} {letters} of {queue}")
    for why, count in Counter(each["why"] for each in left).items():
        print(f"{count:,} left: {why}" if count > 1 else f"left: {why}", file=sys.stderr)
    if left:
        sys.exit(1)


def _pace(rate: str | None) -> float:
    """Seconds between two letters at a rate such as `50/s`. Raises CommandError."""
    if rate is None:
        return 0.0
    count, _, unit = rate.partition("/")
    try:
        return parse_duration(f"1{unit}") / float(count)
    except (ValueError, ZeroDivisionError):
        raise CommandError(f"--rate is '{rate}'; write 50/s or 10/m") from None


def _each(letters: Sequence[Letter]) -> Iterator[tuple[str, ...]]:
    yield "QUEUE", "MESSAGE", "DIED", "REASON", "ERROR"
    for each in letters:
        yield (
            each["queue"],
            each["id"],
            moment(each["died"]),
            each["reason"],
            each["error"][:_SHORT],
        )


def _by_cause(letters: Sequence[Letter]) -> Iterator[tuple[str, ...]]:
    yield "QUEUE", "LETTERS", "AT", "ERROR"
    for each in _causes(letters):
        yield each["queue"], f"{each['count']:,}", each["place"], each["error"][:_SHORT]


def _causes(letters: Sequence[Letter]) -> list[dict[str, Any]]:
    """The letters counted by queue, place and error, the most frequent first."""
    counted = Counter((each["queue"], _place(each), each["error"]) for each in letters)
    return [
        {"queue": queue, "place": place, "error": error, "count": count}
        for (queue, place, error), count in counted.most_common()
    ]


def _type(letter: Letter) -> str:
    return str(letter["error"]).partition(":")[0]


def _place(letter: Letter) -> str:
    """The innermost line of the application's own code."""
    own = [frame for frame in letter["frames"] if frame["own"]]
    return f"{own[-1]['file']}:{own[-1]['line']}" if own else ""
