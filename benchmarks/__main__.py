"""The command line: `python -m benchmarks [compare|micro|soak|page] --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import comparison, load, micro, page, report, results, soak
from benchmarks.results import LATEST, Results, environment


def main() -> int:
    words = sys.argv[1:]
    if not words or words[0].startswith("-"):
        words.insert(0, "compare")
    arguments = _parser().parse_args(words)
    return int(arguments.run(arguments) or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    compare = commands.add_parser("compare", help="ours, limits and peers (the default)")
    compare.add_argument("--quick", action="store_true", help="one short round")
    compare.add_argument("--rounds", type=int, help="how many")
    compare.add_argument("--only", default="", metavar="TEXT", help="titles with this in them")
    compare.add_argument("--list", action="store_true", help="say what would be measured")
    compare.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    compare.set_defaults(run=_compare)

    rooms = commands.add_parser("micro", help="one room of the house after the other")
    rooms.add_argument("room", nargs="*", help=f"of {', '.join(micro.ROOMS)}; by default all")
    rooms.add_argument("--quick", action="store_true", help="fewer rounds")
    rooms.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    rooms.set_defaults(run=_micro)

    soaking = commands.add_parser("soak", help="the seed application at a steady rate")
    soaking.add_argument("--minutes", type=float, default=10)
    soaking.add_argument("--rate", type=int, default=200, help="tasks a second")
    soaking.set_defaults(run=lambda said: soak.soak(said.minutes, said.rate))

    paging = commands.add_parser("page", help="write the figures into docs/performance.md")
    paging.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    paging.set_defaults(run=_page)
    return parser


def _compare(said: argparse.Namespace) -> int:
    chosen = [subject for subject in comparison.subjects() if said.only in subject.title]
    if said.list:
        for subject in chosen:
            print(f"{subject.place:12} {subject.title}  {subject.missing() or ''}".rstrip())
        return 0
    if reason := load.missing():
        print(reason, file=sys.stderr)
        return 2
    settings = comparison.QUICK if said.quick else comparison.THOROUGH
    found = comparison.run(settings, chosen, said.rounds or settings.rounds)
    for table in report.tables(found):
        print(table.plain())
    _keep(found, said.json)
    return 0


def _micro(said: argparse.Namespace) -> int:
    if unknown := set(said.room) - {*micro.ROOMS}:
        print(f"no room {', '.join(sorted(unknown))}; there are {', '.join(micro.ROOMS)}")
        return 2
    curves = []
    for curve in micro.curves(said.room or micro.ROOMS, said.quick):
        print(curve.table().plain(), flush=True)
        curves.append(curve)
    # Rooms measured alone go beside the rounds that are there, in place of their older selves.
    there = said.json.exists()
    found = (
        results.read(said.json)
        if there
        else Results(environment(), {"places": {}, "answering": []})
    )
    names = {curve.name for curve in curves}
    found.curves = [curve for curve in found.curves if curve.name not in names] + curves
    _keep(found, said.json)
    return 0


def _page(said: argparse.Namespace) -> int:
    try:
        page.write(results.read(said.json))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _keep(found: Results, file: Path) -> None:
    found.write(file)
    print(f"written to {file}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
