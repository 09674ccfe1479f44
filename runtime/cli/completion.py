"""runtime completion: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL: bash, zsh or fish.

    \b
      eval "$(runtime completion bash)"          in ~/.bashrc
      eval "$(runtime completion zsh)"           in ~/.zshrc
      runtime completion fish | source           in ~/.config/fish/config.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    root = context.find_root()
    name = root.info_name or "runtime"
    print(completion(root.command, {}, name, "_RUNTIME_COMPLETE").source())
