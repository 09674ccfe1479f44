"""runtime cron: the schedules of an application, when they fire next, and firing one by hand."""

from __future__ import annotations

import json

import click

from runtime.cli.group import Group
from runtime.cli.operate import operating
from runtime.cli.options import Chosen, application_either, application_option, json_option
from runtime.cli.table import print_table
from runtime.cli.times import moment


@click.group("cron", cls=Group)
def command() -> None:
    """See when schedules fire, or fire one now.

    The running application is asked; if none runs, its durable queues are opened.
    """


@command.command("ls")
@application_either
@json_option
def list_(chosen: Chosen, as_json: bool) -> None:
    """List the schedules with their last and next planned time."""
    with operating(chosen) as operator:
        found = operator.ask("schedules", count=1)
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("no schedule")
    else:
        rows = [
            (
                each["id"],
                each["times"],
                each["target"],
                "never" if each["last"] is None else moment(each["last"]),
                moment(each["next"][0]) if each["next"] else "never",
            )
            for each in found
        ]
        print_table([("SCHEDULE", "TIMES", "TARGET", "LAST", "NEXT"), *rows])


@command.command("next")
@click.argument("entry")
@application_option
@click.option(
    "-n", "count", default=5, type=click.IntRange(1, 1_000), help="How many; 5 unless told."
)
def next_(chosen: Chosen, entry: str, count: int) -> None:
    """Show the next planned times of the schedule ENTRY, in local time."""
    with operating(chosen) as operator:
        (found,) = operator.ask("schedules", id=entry, count=count)
    for each in found["next"]:
        print(moment(each))


@command.command("fire")
@click.argument("entry")
@application_option
def fire(chosen: Chosen, entry: str) -> None:
    """Do now what the schedule ENTRY does at its planned times."""
    with operating(chosen, into=entry) as operator:
        fired = operator.ask("schedule.fire", id=entry)
    if fired == "overlapped":
        print(f"{entry}: the message before it is unfinished, so nothing was published")
    else:
        print(f"{entry} has fired")
