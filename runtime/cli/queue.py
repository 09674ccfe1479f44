"""runtime queue: what waits in the queues of an application, and holding it back."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from runtime.application.operations.host import named
from runtime.cli.confirm import confirm, yes_option
from runtime.cli.group import Group
from runtime.cli.operate import operating, queue_lengths
from runtime.cli.options import (
    Chosen,
    CommandError,
    application_either,
    application_option,
    json_option,
)
from runtime.cli.queue_rows import HEAD, cells
from runtime.cli.table import print_table
from runtime.cli.times import ago, moment
from runtime.engines.queue.message import check_priority, check_unique
from runtime.units import format_count, format_size, parse_duration

_STATES = ("ready", "delayed", "running")


@click.group("queue", cls=Group)
def command() -> None:
    """Look into the queues of an application, publish to them, hold them back.

    The running application is asked; if none runs, its durable queues are opened.
    """


@command.command("ls")
@application_either
@json_option
def list_(chosen: Chosen, as_json: bool) -> None:
    """List the queues with how many messages they have in each state."""
    found = queue_lengths(chosen)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [(*cells(each), "paused" if each["paused"] else "") for each in found]
    print_table([(*HEAD, "PAUSED"), *rows])


@command.command("peek")
@click.argument("queue")
@application_option
@click.option(
    "-n", "count", default=10, type=click.IntRange(1, 1_000), help="How many; 10 unless told."
)
@click.option("--state", type=click.Choice(_STATES), default="ready", help="In which state.")
@click.option("--payload", is_flag=True, help="Show the bodies too; the log tells that you did.")
@json_option
def peek(chosen: Chosen, queue: str, count: int, state: str, payload: bool, as_json: bool) -> None:
    """Show the first messages of QUEUE, without taking them."""
    with operating(chosen) as operator:
        found = operator.ask("queue.peek", queue=queue, state=state, limit=count)
        if payload:
            who = getpass.getuser()
            for each in found:
                shown = operator.ask("queue.payload", queue=queue, id=each["id"], who=who)
                each["payload"] = shown["text"]
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print(f"no message of {queue} is {state}")
    else:
        _print_messages(found, payload)


@command.command("publish")
@click.argument("queue")
@click.argument("body", metavar="[JSON]", default="-")
@application_option
@click.option("--delay", metavar="30s", help="Deliver it after that time.")
@click.option("--unique", metavar="KEY", help="Unless a message of that key waits.")
@click.option("--priority", type=int, default=0, help="A higher one goes first.")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME=VALUE")
def publish(
    chosen: Chosen,
    queue: str,
    body: str,
    delay: str | None,
    unique: str | None,
    priority: int,
    headers: Sequence[str],
) -> None:
    """Publish JSON to QUEUE, or with '-' what the standard input has; prints the message's id."""
    text = sys.stdin.read() if body == "-" else body
    if not text.strip():
        raise CommandError("the message is empty; null is the smallest one")
    try:
        parse_duration(delay or "0s")
    except ValueError as error:
        raise CommandError(f"--delay: {error}") from None
    try:
        check_priority(priority)
        if unique is not None:
            check_unique(unique)
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(f"the message is not JSON: {error}; a text is '\"in quotes\"'") from None
    pairs = _headers(headers)
    with operating(chosen, into=queue) as operator:
        id = operator.ask(
            "queue.publish", queue=queue, body=value, delay=delay, unique=unique,
            priority=priority, headers=pairs,
        )  # fmt: skip
    print(id)


@command.command("pause")
@click.argument("queue")
@application_option
def pause(chosen: Chosen, queue: str) -> None:
    """Deliver no message of QUEUE, in all programs, until 'runtime queue resume'.

    What is in hand is finished, and messages are accepted. A durable queue stays paused over
    restarts.
    """
    with operating(chosen, into=queue) as operator:
        operator.ask("queue.pause", id=queue)
    print(f"{queue} is paused")


@command.command("resume")
@click.argument("queue")
@application_option
def resume(chosen: Chosen, queue: str) -> None:
    """Deliver the messages of QUEUE again."""
    with operating(chosen) as operator:
        operator.ask("queue.resume", id=queue)
    print(f"{queue} is delivered again")


@command.command("purge")
@click.argument("queue")
@application_option
@click.option("--state", type=click.Choice(_STATES[:2]), default="ready", help="In which state.")
@yes_option
def purge(chosen: Chosen, queue: str, state: str, yes: bool) -> None:
    """Delete the messages of QUEUE that are waiting. They are gone, and no dead letters."""
    if not yes:
        confirm(f"delete {_waiting(chosen, queue, state)} of {queue}", yes)
    with operating(chosen) as operator:
        gone = operator.ask("queue.purge", queue=queue, state=state)
    print(f"deleted {format_count(gone, 'message')} of {queue}")


def _waiting(chosen: Chosen, queue: str, state: str) -> str:
    """The number of messages of a queue in a state, in words. Raises CommandError."""
    try:
        found = named({each["id"]: each for each in queue_lengths(chosen)}, queue, "queue")
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    count = found[state]
    return f"the {state} messages" if count is None else format_count(count, f"{state} message")


def _headers(texts: Sequence[str]) -> Mapping[str, str] | None:
    pairs = [text.partition("=") for text in texts]
    if bad := [name for name, separator, _ in pairs if not separator]:
        raise CommandError(f"'-H {bad[0]}' has no value; write -H NAME=VALUE")
    return {name: value for name, _, value in pairs} or None


def _due(message: Mapping[str, Any]) -> str:
    if message["parked"]:
        return "after others of its key"
    return "" if message["due"] is None else moment(message["due"])


def _print_messages(found: Sequence[Mapping[str, Any]], payload: bool) -> None:
    rows = [("MESSAGE", "PUBLISHED", "ATTEMPT", "PRIORITY", "DUE", "SIZE", "HEADERS")]
    for each in found:
        rows.append(
            (
                each["id"], ago(each["published"]), str(each["attempt"]), str(each["priority"]),
                _due(each),
                format_size(each["size"]), " ".join(each["headers"]),
            )
        )  # fmt: skip
    print_table(rows)
    if payload:
        for each in found:
            print(f"\n{each['id']}\n{each['payload']}")
