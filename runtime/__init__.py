"""runtime: one YAML manifest names what an application is made of, and this package runs it."""

from __future__ import annotations

__version__ = "0.1.0"
