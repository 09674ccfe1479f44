"""runtime validate: check an application without running it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

import click

from runtime.cli.options import (
    Chosen,
    CommandError,
    allow_unset_option,
    application,
    json_option,
)
from runtime.exit_codes import ExitCode
from runtime.findings.finding import Finding, ManifestError, printable
from runtime.linking.link import LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.units import format_count


@click.command("validate")
@application
@allow_unset_option
@click.option("--connect", is_flag=True, help="Try the addresses too, such as those of databases.")
@click.option(
    "--fix",
    "fixes",
    is_flag=True,
    help="Write the lists of modules as the code of the handlers wants them, then check.",
)
@json_option
def command(
    chosen: Chosen,
    allow_unset: bool,
    connect: bool,
    fixes: bool,
    as_json: bool,
) -> None:
    """Check every manifest in DIR (default: here) and the handlers they name.

    All findings are printed at once, each as file:line:column; then notes, of what is no mistake
    and yet likely meant otherwise. Exits with 3 if there is a finding, with 4 if an address
    does not answer, else with 0.
    """
    if connect and allow_unset:
        raise CommandError("--connect needs the values that --allow-unset does without; drop one")
    if fixes:
        _fix(chosen, allow_unset)
    try:
        linked = chosen.link(allow_unset)
    except ManifestError as error:
        _print(error.findings, as_json)
        sys.exit(ExitCode.INVALID_MANIFEST)
    notes = linked.notes
    unanswered: Sequence[Finding] = ()
    if connect:
        from runtime.cli.addresses import try_addresses  # asyncio, which nothing else needs here

        answers, unanswered = asyncio.run(try_addresses(linked))
        if not as_json:
            nothing = () if unanswered else ("no entry has an address to try",)
            print(*(answers or nothing), sep="\n", end="\n" if answers or nothing else "")
    if notes or unanswered or as_json:
        _print([*unanswered, *notes], as_json)
    if unanswered:
        sys.exit(ExitCode.START_FAILED)
    if not as_json:
        _describe(linked)
        entries, files = len(linked.manifest.entries), len(linked.manifest.documents)
        print(
            f"{format_count(entries, 'entry', 'entries')} in {format_count(files, 'file')}, "
            "no findings"
        )


def _describe(linked: LinkedManifest) -> None:
    """Print a line on each entry whose kind has words for its fields."""
    for id, each in linked.links.items():
        if (describe := each.kind.describe) is not None and not each.entry.unfilled:
            print(f"{id}: {describe(LinkedEntry(linked.links, each))}")


def _fix(chosen: Chosen, allow_unset: bool) -> None:
    """Mend what can be mended, and print each change to stderr: stdout has what is found then."""
    from runtime.cli.fix import fix  # few ask for it

    try:
        findings = chosen.link(allow_unset).notes
    except ManifestError as error:
        findings = error.findings
    for line in fix(findings):
        print(printable(line), file=sys.stderr)


def _print(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        print(json.dumps([_as_data(finding) for finding in findings], indent=2))
    else:
        from runtime.cli.excerpt import print_findings  # not needed without findings

        print_findings(findings)


def _as_data(finding: Finding) -> dict[str, object]:
    place = finding.position
    return {
        "level": finding.level.value,
        "file": place.file,
        "line": place.line or None,
        "column": place.column or None,
        "message": finding.message,
        "hint": finding.hint,
    }
