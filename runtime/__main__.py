"""The program `runtime`."""

from __future__ import annotations

import gc
import os
import sys

# Imports stand in `main`, so that the signal handlers are installed before anything else loads.


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()  # whatever is made at the start is kept; collecting would take a tenth of its time
    _open_standard_streams()
    from runtime.program.signals import Signals

    signals = Signals(early_exit=0 if sys.argv[1:2] in (["run"], ["dev"]) else None)
    signals.install()

    from runtime.program.pid1 import step_aside

    step_aside()
    signals.leave_to_children()  # after it: the program itself may be a child of PID 1

    from runtime.cli import command

    try:
        command(obj=signals, prog_name="runtime")
    finally:
        signals.ignore()


def _open_standard_streams() -> None:
    """Open closed descriptors 0 to 2 on /dev/null, so that no database file gets one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor: this one


# A child of multiprocessing imports this file, and then what it was sent.
if "_RUNTIME_PACKAGES" in os.environ:
    from runtime.handlers.package import find_in_children

    find_in_children()

if __name__ == "__main__":
    __spec__ = None  # after `python -m`, it would skip this file, since that is a `__main__`
    main()
