"""The program `runtime`."""

from __future__ import annotations

import gc
import os
import sys

# What follows is imported where it is needed, so that signals are in hand at once.


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()  # what is made at the start is kept: looking for garbage in it is a tenth of it
    _open_standard_streams()
    from runtime.program.signals import Signals

    signals = Signals(early_exit=0 if sys.argv[1:2] == ["run"] else None)
    signals.install()

    from runtime.program.pid1 import step_aside

    step_aside()

    from runtime.cli import command

    try:
        command(obj=signals, prog_name="runtime")
    finally:
        signals.ignore()


def _open_standard_streams() -> None:
    """Give the descriptors 0 to 2 to nothing if they are closed: a database may not get them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one


if __name__ == "__main__":
    main()
