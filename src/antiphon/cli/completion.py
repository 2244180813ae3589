"""`antiphon completion`: shell completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from antiphon.errors import InputError

EPILOG = """\b
Examples:
  eval "$(antiphon completion bash)"
  mkdir -p ~/.zfunc && antiphon completion zsh > ~/.zfunc/_antiphon
  mkdir -p ~/.config/fish/completions && antiphon completion fish > ~/.config/fish/completions/antiphon.fish
"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from antiphon.cli.app import group

    found = get_completion_class(shell)
    if found is None:
        raise InputError(f"No completion for {shell}")
    click.echo(found(group, {}, "antiphon", "_ANTIPHON_COMPLETE").source())
