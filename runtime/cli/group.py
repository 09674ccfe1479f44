"""Group: commands under one name, such as `runtime queue`."""

from __future__ import annotations

from typing import Any

import click

from runtime.findings.suggestion import did_you_mean


class Group(click.Group):
    """Tells of a command that it does not have which one may be meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            hint = did_you_mean(args[0], names) or self.overview(names)
            raise click.UsageError(f"no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def overview(self, names: list[str]) -> str:
        """The hint if none is alike."""
        return f"there is {', '.join(names)}"
