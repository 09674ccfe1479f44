"""OpenTelemetry: the spans of its API and ours are parents of each other, and in the same traces.

Nothing of it is imported here: only once the code of an application has done so is there anything
to join, and without it nothing is called.
"""

from __future__ import annotations

import sys

from runtime.loggers import logger
from runtime.telemetry.telemetry import Telemetry

log = logger("runtime.telemetry")


def join(telemetry: Telemetry) -> None:
    """Have both see each other's current span, and make the spans that are asked of the API, unless
    the application has a tracer provider of its own. Does nothing if OpenTelemetry is not imported.
    """
    if not telemetry.enabled or "opentelemetry.trace" not in sys.modules:
        return
    try:
        from runtime.telemetry.opentelemetry import context, tracer

        context.join()
        telemetry.exact = True
        tracer.provide(telemetry)
    except Exception:  # its insides may change
        log.warning(
            "spans of OpenTelemetry are not joined with those of the runtime", exc_info=True
        )
