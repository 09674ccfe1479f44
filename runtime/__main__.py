"""The program `runtime`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from runtime.signals import Signals  # after nothing, so that signals are in hand at once

    signals = Signals(early_exit=0 if "run" in sys.argv[1:3] else None)
    signals.install()

    from runtime.pid1 import step_aside

    step_aside()
    signals.install()

    from runtime.cli import command

    command(obj=signals, prog_name="runtime")


if __name__ == "__main__":
    main()
