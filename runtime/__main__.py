"""The program `runtime`."""

from __future__ import annotations

import sys

# What follows is imported where it is needed, so that signals are in hand at once.


def main() -> None:
    """Run the command line and exit with its code."""
    from runtime.signals import Signals

    signals = Signals(early_exit=0 if sys.argv[1:2] == ["run"] else None)
    signals.install()

    from runtime.pid1 import step_aside

    step_aside()

    from runtime.cli import command

    try:
        command(obj=signals, prog_name="runtime")
    finally:
        signals.ignore()


if __name__ == "__main__":
    main()
