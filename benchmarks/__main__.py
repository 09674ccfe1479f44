"""The command line: `python -m benchmarks [compare|micro|servers|postgres|soak|page] --help`."""

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

    compare = commands.add_parser("compare", help="our programs, limits and peers (the default)")
    compare.add_argument("--quick", action="store_true", help="one short round")
    compare.add_argument("--rounds", type=int, help="number of rounds")
    compare.add_argument("--only", default="", metavar="TEXT", help="only titles that contain TEXT")
    compare.add_argument("--list", action="store_true", help="list what would be measured")
    compare.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    compare.set_defaults(run=_compare)

    parts = commands.add_parser("micro", help="single parts of the runtime")
    parts.add_argument("part", nargs="*", help=f"of {', '.join(micro.PARTS)}; by default all")
    parts.add_argument("--quick", action="store_true", help="fewer rounds")
    parts.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    parts.set_defaults(run=_micro)

    servers = commands.add_parser("servers", help="no-op tasks through PostgreSQL and RabbitMQ")
    servers.add_argument("--quick", action="store_true", help="one round")
    servers.add_argument("--only", default="", metavar="TEXT", help="only titles that contain TEXT")
    servers.set_defaults(run=_servers)

    postgres = commands.add_parser("postgres", help="queues on PostgreSQL as they grow and age")
    postgres.add_argument("part", nargs="*", help="programs, waiting, idle, steady; by default all")
    postgres.add_argument("--quick", action="store_true", help="smaller sizes")
    postgres.set_defaults(run=_postgres)

    soaking = commands.add_parser("soak", help="one application with all there is, for hours")
    soaking.add_argument("--minutes", type=float, default=10)
    soaking.add_argument("--rate", type=int, default=100, help="tasks a second")
    soaking.add_argument("--json", type=Path, default=soak.report.FILE, metavar="FILE")
    soaking.add_argument("--read", action="store_true", help="the verdict of the FILE as it is")
    soaking.set_defaults(run=_soak)

    paging = commands.add_parser("page", help="write the figures into docs/performance.md")
    paging.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    paging.set_defaults(run=_page)
    return parser


def _compare(arguments: argparse.Namespace) -> int:
    chosen = [subject for subject in comparison.subjects() if arguments.only in subject.title]
    if arguments.list:
        for subject in chosen:
            print(f"{subject.place:12} {subject.title}  {subject.missing() or ''}".rstrip())
        return 0
    if reason := load.missing():
        print(reason, file=sys.stderr)
        return 2
    settings = comparison.QUICK if arguments.quick else comparison.THOROUGH
    found = comparison.run(settings, chosen, arguments.rounds or settings.rounds)
    for table in report.tables(found):
        print(table.plain())
    _write(found, arguments.json)
    return 0


def _micro(arguments: argparse.Namespace) -> int:
    if unknown := set(arguments.part) - {*micro.PARTS}:
        print(f"unknown part {', '.join(sorted(unknown))}; one of {', '.join(micro.PARTS)}")
        return 2
    curves = []
    for curve in micro.curves(arguments.part or micro.PARTS, arguments.quick):
        print(curve.table().plain(), flush=True)
        curves.append(curve)
    # Parts measured alone replace their older figures, beside the rounds of the last comparison.
    found = (
        results.read(arguments.json)
        if arguments.json.exists()
        else Results(environment(), {"places": {}, "answering": []})
    )
    names = {curve.name for curve in curves}
    found.curves = [curve for curve in found.curves if curve.name not in names] + curves
    _write(found, arguments.json)
    return 0


def _servers(arguments: argparse.Namespace) -> int:
    # they want servers, which the other commands do without
    from benchmarks.queues import comparison as queues
    from benchmarks.queues.entrant import entrants

    chosen = [entrant for entrant in entrants() if arguments.only in entrant.title]
    rounds = queues.QUICK if arguments.quick else queues.THOROUGH
    found, absent = queues.run(chosen, rounds, lambda text: print(text, file=sys.stderr))
    for table in queues.tables(chosen, found, absent):
        print(table.plain())
    return 0


def _postgres(arguments: argparse.Namespace) -> int:
    from benchmarks.postgres.parts import (
        PARTS,
    )  # it wants a server, which the other commands do without

    for part in arguments.part or PARTS:
        print(PARTS[part](arguments.quick).plain(), flush=True)
    return 0


def _soak(arguments: argparse.Namespace) -> int:
    if not arguments.read:
        return soak.soak(arguments.minutes, arguments.rate, arguments.json)
    text, good = soak.report.conclude(soak.report.read(arguments.json))
    print(text)
    return int(not good)


def _page(arguments: argparse.Namespace) -> int:
    try:
        page.write(results.read(arguments.json))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _write(found: Results, file: Path) -> None:
    found.write(file)
    print(f"written to {file}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
