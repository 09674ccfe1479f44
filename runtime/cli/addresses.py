"""Addresses: those of a manifest, tried without starting anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runtime.findings.finding import Finding
from runtime.kind import StartError, Unavailable
from runtime.linking.link import Link, LinkedEntry
from runtime.linking.linker import LinkedManifest
from runtime.log.redaction import Redactor

PATIENCE = 10.0
"""Seconds that an address may take to answer."""


async def try_addresses(linked: LinkedManifest) -> tuple[Sequence[str], Sequence[Finding]]:
    """Try all at once: a line for each that answered, and a finding for each that did not."""
    links = [link for link in linked.links.values() if link.kind.connect is not None]
    redactor = Redactor()
    redactor.hide(linked.manifest.secrets)
    tried = await asyncio.gather(*(_try(linked, link) for link in links))
    answers: list[str] = []
    findings: list[Finding] = []
    for link, (answer, error) in zip(links, tried, strict=True):
        if error is None:
            answers.append(redactor.redact(f"{link.entry.id} answers: {answer}"))
        else:
            findings.append(Finding(link.entry.position, redactor.redact(error)))
    return answers, findings


async def _try(linked: LinkedManifest, link: Link) -> tuple[str, str | None]:
    assert link.kind.connect is not None
    try:
        async with asyncio.timeout(PATIENCE):
            entry = LinkedEntry(linked.links, link)
            return await link.kind.connect(entry, linked.manifest.folder), None
    except (StartError, Unavailable) as error:
        return "", str(error)
    except TimeoutError:
        return "", f"'{link.entry.id}' did not answer within {PATIENCE:g} s"
