"""Choice: an application, and which of its services a command runs, as they are read again."""

from __future__ import annotations

import msgspec

from runtime.application.selection import Selection, WrongChoice, select
from runtime.cli.options import Chosen, CommandError, exit_with_findings
from runtime.findings.finding import ManifestError
from runtime.linking.linker import LinkedManifest
from runtime.service import StartError


class Choice(msgspec.Struct, frozen=True):
    """The options of a command that runs an application."""

    chosen: Chosen
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    workers: int = 1
    worker: int = 1
    """The number of this worker."""

    def read(self) -> tuple[LinkedManifest, Selection]:
        """Read it again. Raises ManifestError with every finding, and StartError."""
        try:
            return self.begin()
        except CommandError as error:
            raise StartError(error.message) from None

    def load(self) -> tuple[LinkedManifest, Selection]:
        """Read it at the start: prints findings and exits with 3. Raises CommandError."""
        try:
            return self._read()
        except ManifestError as error:
            exit_with_findings(error.findings)
        except WrongChoice as error:
            raise CommandError(str(error)) from None

    def begin(self) -> tuple[LinkedManifest, Selection]:
        """Read it at the start, for who waits for an edit. Raises ManifestError and StartError, and
        CommandError for a service that cannot be chosen.
        """
        try:
            return self._read()
        except CommandError as error:  # of a file with variables
            raise StartError(error.message) from None
        except WrongChoice as error:
            raise CommandError(str(error)) from None

    def has_all_faults(self, error: ManifestError) -> bool:
        """True if all findings are about options, which no edit mends."""
        places = {override.position for override in self.chosen.overrides}
        return bool(error.findings) and all(
            finding.position in places for finding in error.findings
        )

    def _read(self) -> tuple[LinkedManifest, Selection]:
        linked = self.chosen.link()
        selection = select(linked, self.only, self.without)
        if selection.left_out or self.workers > 1:
            # an ordinary start does not need it
            from runtime.program.sharing import find_duplicates, find_separations

            findings = [*find_separations(linked, selection)]
            findings += find_duplicates(linked, selection) if self.workers > 1 else ()
            if findings:
                raise ManifestError(findings)
        if self.worker > 1:
            selection = selection.without_processes(linked)
        return linked, selection
