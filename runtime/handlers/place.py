"""Place: the line of the application's own code at which a thread or a task is, or has failed."""

from __future__ import annotations

import traceback
from functools import cache
from pathlib import Path
from types import FrameType

from runtime.findings.display import display_path


def line_of(innermost: FrameType | None) -> str:
    """`file:line (function)` of the innermost frame in the application's own code, if any."""
    frame = innermost
    while frame is not None and is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    frame = frame or innermost
    if frame is None:
        return "a thread that has ended"
    code = frame.f_code
    return f"{display_path(code.co_filename)}:{frame.f_lineno} ({code.co_name})"


def raised_at(error: BaseException, within: Path) -> str:
    """`file:line` of the innermost frame in a file, or below a folder; empty if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(within)]
    return f"{display_path(own[-1].filename)}:{own[-1].lineno}" if own else ""


def fault_of(error: BaseException, folder: str = "") -> str:
    """`file:line` of the innermost frame in the application's own code; empty if none is.

    The file is relative to `folder`, if it is below it.
    """
    step, place = error.__traceback__, ""
    while step is not None:
        code = step.tb_frame.f_code
        if not is_foreign(code.co_filename):
            file = code.co_filename
            below = folder and file.startswith(f"{folder}/")
            shown = file[len(folder) + 1 :] if below else display_path(file)
            place = f"{shown}:{step.tb_lineno}"
        step = step.tb_next
    return place


def is_foreign(file: str) -> bool:
    """True for a file of Python, of an installed package or of the runtime."""
    return file.startswith(("<", *_foreign_folders()))


@cache
def _foreign_folders() -> tuple[str, ...]:
    """The folders of what is not the application's own code."""
    import site  # a start needs neither
    import sysconfig

    paths = [
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        str(Path(__file__).parents[1]),
    ]
    return tuple({f"{path}/" for path in paths})
