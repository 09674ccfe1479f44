"""Fixtures of the web engine's tests."""

from __future__ import annotations

from tests.support.certificate import certificate

__all__ = ["certificate"]
